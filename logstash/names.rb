module Name
  PLAIN = /\A[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\z/.freeze
  # Resolvers take such a name for some form of IPv4 address.
  NUMERIC = /(?:\A|\.)(?:\d+|0x[0-9a-f]*)\z/.freeze
  # As certificates have it: stands for everything below.
  WILDCARD = /\A(?:\*\.|\.)+/.freeze

  # The name in its normal form, and whether it was a wildcard.
  def self.read(text)
    bare = text.sub(WILDCARD, '')
    name = plain(bare)
    name ? [name, bare.length != text.length] : nil
  end

  def self.plain(text)
    return nil unless text.ascii_only?
    name = text.chomp('.').downcase
    name.length <= 253 && PLAIN.match?(name) && !NUMERIC.match?(name) ? name : nil
  end

  def self.self_and_parents(name)
    labels = name.split('.')
    labels.each_index.map { |at| labels[at..-1].join('.') }
  end
end
