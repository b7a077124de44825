# From a text to the keys that it may be found under. Agrees with tipline's own normalisers, but that
# nothing is refanged (logs are not defanged), and that names outside ASCII are not turned into punycode,
# which Ruby can't: DNS, TLS and proxies log punycode anyway.
class Keys
  def initialize(skip)
    @skip = skip
  end

  # Answers triples of namespace, value and key.
  def of(text, spaces, lengths)
    # Events hold UTF-8; what a script made of a number may be ASCII by name.
    text = text.dup.force_encoding(Encoding::UTF_8)
    return [] unless text.valid_encoding? && text.length <= Limit::TEXT
    trimmed = Text.trim(text)
    return [] if trimmed.empty?
    hosts, others = spaces.partition { |space| HOSTS[space] }
    found = hosts.empty? ? [] : host(trimmed, hosts, lengths)
    found + others.flat_map { |space| plain(trimmed, space) }
  end

  HOSTS = { 'ip' => true, 'net' => true, 'domain' => true, 'hostname' => true }.freeze
  HASHED = { 'url' => true, 'user-agent' => true, 'regkey' => true, 'mutex' => true,
             'named-pipe' => true, 'filename' => true }.freeze
  PLAIN_KEY = /\A[\x21-\x7e]+\z/.freeze

  private

  def host(text, spaces, lengths)
    return [] if text.length > Limit::STRUCTURED
    family, number = Address.read(text)
    return address(family, number, spaces, lengths) if family
    name, wildcard = Name.read(text)
    name ? names(name, wildcard, spaces) : []
  end

  def address(family, number, spaces, lengths)
    return [] unless spaces.include?('ip')
    found = @skip.address?(family, number) ? [] : in_nets(family, number, spaces, lengths)
    inner = Address.translated(family, number)
    inner && !@skip.address?(4, inner) ? found + in_nets(4, inner, spaces, lengths) : found
  end

  def in_nets(family, number, spaces, lengths)
    text = Address.text(family, number)
    found = [['ip', text, "misp-ip:#{text}"]]
    return found unless spaces.include?('net')
    bits = family == 4 ? 32 : 128
    lengths.fetch(family).each do |length|
      net = "#{Address.text(family, number >> (bits - length) << (bits - length))}/#{length}"
      found << ['net', net, "misp-net:#{net}"]
    end
    found
  end

  # The name itself exactly, and as a domain with each of its parents.
  def names(name, wildcard, spaces)
    all = Name.self_and_parents(name)
    return [] if @skip.name?(all)
    found = []
    found << ['hostname', name, "misp-hostname:#{name}"] if spaces.include?('hostname') && !wildcard
    found.concat(all.map { |each| ['domain', each, "misp-domain:#{each}"] }) if spaces.include?('domain')
    found.reject { |_, _, key| key.length > Limit::KEY_BYTES }
  end

  def plain(text, space)
    Values.read(text, space).map { |value| [space, value, key(space, value)] }.reject { |triple| triple.last.nil? }
  end

  def key(space, value)
    return "misp-#{space}-sha256:#{Digest::SHA256.hexdigest(value)}" if HASHED[space]
    plain = "misp-#{space}:#{value}"
    # tipline keeps nothing under what looks like a template that was not filled.
    plain.length <= Limit::KEY_BYTES && PLAIN_KEY.match?(plain) && !value.include?('%{') ? plain : nil
  end
end

module Text
  # What JavaScript trims.
  BLANK = '[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]'
  SHOWN = /[^#{BLANK[1..-2]}]/.freeze
  CONTROL = /[\u0000-\u001f\u007f]/.freeze

  # By the first and the last that is none: a pattern for blanks at the end would try at every blank.
  def self.trim(text)
    first = text.index(SHOWN)
    first ? text[first..text.rindex(SHOWN)] : ''
  end
end
