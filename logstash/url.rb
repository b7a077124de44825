# URLs as browsers read them (the URL standard of WHATWG), but for hosts outside ASCII: those are looked
# up only as they were written. The second value is the text itself.
module Url
  SCHEME = %r{\A([a-z][a-z0-9+.-]{0,31})://}i.freeze
  PORTS = { 'http' => 80, 'https' => 443, 'ws' => 80, 'wss' => 443, 'ftp' => 21 }.freeze
  # Only what starts with a name of two labels or an address is a URL whose scheme was left out.
  BARE_HOST = %r{\A(?:\[[^\]/]{2,45}\]|[^/?#:@\\]{3,})(?=[/?#]|:\d{1,5}(?:[/?#]|\z)|\z)}.freeze
  PATH_UNSAFE = /[^\x21\x24-\x3b\x3d\x40-\x5d\x5f\x61-\x7a\x7c\x7e]/n.freeze
  QUERY_UNSAFE = /[^\x21\x24-\x26\x28-\x3b\x3d\x3f-\x7e]/n.freeze
  DOT = /\A(?:\.|%2e)\z/i.freeze
  DOTS = /\A(?:\.|%2e){2}\z/i.freeze

  def self.read(text)
    return [] if Text::CONTROL.match?(text)
    scheme = text[SCHEME, 1]
    return bare(text) unless scheme
    keyed(normal(scheme.downcase, text[(scheme.length + 1)..-1]), text)
  end

  def self.keyed(normal, text)
    return text.ascii_only? ? [] : [text] unless normal
    [normal, text].uniq
  end

  def self.bare(text)
    rest = text.start_with?('//') ? text[2..-1] : text
    host = rest[BARE_HOST]
    name = host && (Address.read(host) ? host : Name.plain(host))
    return [] unless name && (name.include?('.') || name.start_with?('['))
    keyed(normal('http', "//#{rest}"), text)
  end

  # `rest` is what follows the colon of the scheme.
  def self.normal(scheme, rest)
    return nil if !PORTS[scheme] && %r{\A//[/\\]}.match?(rest)
    rest = rest.sub(%r{\A[/\\]*}, '')
    authority = rest[%r{\A[^/\\?#]*}]
    host, port = host_and_port(authority.rpartition('@').last, scheme)
    return nil unless host
    behind = rest[authority.length..-1].partition('#').first
    path, mark, query = behind.partition('?')
    asked = mark.empty? || query.empty? ? '' : "?#{escape(query, QUERY_UNSAFE)}"
    "#{scheme}://#{host}#{port}#{path(path)}#{asked}"
  end

  def self.host_and_port(authority, scheme)
    match = /\A(\[[^\]]*\]|[^:]*)(?::(\d*))?\z/.match(authority)
    return nil unless match
    port = match[2].to_s.empty? ? nil : match[2].to_i
    host = host(match[1])
    return nil if host.nil? || (port && port > 65_535)
    [host, port.nil? || port == PORTS[scheme] ? '' : ":#{port}"]
  end

  def self.host(text)
    return bracketed(text) if text.start_with?('[')
    plain = unescape(text)
    return nil unless plain && plain.ascii_only?
    numeric = Name::NUMERIC.match?(plain.downcase.chomp('.'))
    numeric ? NumericHost.read(plain.downcase.chomp('.')) : Name.plain(plain)
  end

  def self.bracketed(text)
    bare = text[1..-2]
    number = bare.length <= 45 && Address::V6.match?(bare) && Address.number6(bare)
    number && "[#{Address.text(6, number)}]"
  end

  def self.unescape(text)
    bytes = text.b.gsub(/%(\h\h)/n) { $1.hex.chr }.force_encoding(Encoding::UTF_8)
    bytes.valid_encoding? ? bytes : nil
  end

  def self.path(text)
    segments = text.tr('\\', '/').split('/', -1).drop(1)
    kept = []
    segments.each_with_index do |segment, at|
      last = at == segments.size - 1
      if DOTS.match?(segment)
        kept.pop
        kept << '' if last
      elsif DOT.match?(segment)
        kept << '' if last
      else
        kept << segment
      end
    end
    "/#{escape(kept.join('/'), PATH_UNSAFE)}"
  end

  def self.escape(text, unsafe)
    text.b.gsub(unsafe) { |byte| format('%%%02X', byte.ord) }.force_encoding(Encoding::UTF_8)
  end
end

# `0x7f.1` and its like, which a URL's host may be and nothing else.
module NumericHost
  PART = /\A(?:0x(\h*)|0([0-7]+)|(0|[1-9]\d*))\z/.freeze

  def self.read(text)
    parts = text.split('.', -1)
    return nil if parts.size > 4
    numbers = parts.map { |part| number(part) }
    return nil if numbers.include?(nil) || numbers[0..-2].any? { |number| number > 255 }
    return nil if numbers.last >= 256**(5 - numbers.size)
    whole = numbers[0..-2].each_with_index.inject(numbers.last) { |sum, (part, at)| sum + (part << (8 * (3 - at))) }
    Address.text(4, whole)
  end

  def self.number(part)
    match = PART.match(part)
    return nil unless match
    return match[1].hex if match[1]
    match[2] ? match[2].oct : match[3].to_i
  end
end
