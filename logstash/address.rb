# Addresses as pairs of family and number.
module Address
  V4 = /\A(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!\z)|\z)){4}\z/.freeze
  V6 = /\A[0-9a-f:]*:[0-9a-f:]*(?:\d{1,3}\.[\d.]+)?\z/i.freeze
  GROUP = /\A\h{1,4}\z/.freeze
  # 64:ff9b::/96, by which IPv6-only hosts reach IPv4 (RFC 6052).
  NAT64 = 0x64_ff9b << 96

  # Strict; IPv6 with or without brackets. IPv4-mapped IPv6 is IPv4.
  def self.read(text)
    return [4, number4(text)] if text.length <= 15 && V4.match?(text)
    bare = text.start_with?('[') && text.end_with?(']') ? text[1..-2] : text
    return nil unless bare.length <= 45 && V6.match?(bare)
    number = number6(bare)
    return nil unless number
    number >> 32 == 0xffff ? [4, number & 0xffff_ffff] : [6, number]
  end

  def self.translated(family, number)
    family == 6 && number >> 32 == NAT64 >> 32 ? number & 0xffff_ffff : nil
  end

  # RFC 5952.
  def self.text(family, number)
    return "#{number >> 24}.#{number >> 16 & 255}.#{number >> 8 & 255}.#{number & 255}" if family == 4
    groups = 7.downto(0).map { |at| number >> (16 * at) & 0xffff }
    at, length = longest_gap(groups)
    hex = groups.map { |group| group.to_s(16) }
    length < 2 ? hex.join(':') : "#{hex[0, at].join(':')}::#{hex[(at + length)..-1].join(':')}"
  end

  def self.number4(text)
    text.split('.').inject(0) { |number, part| number * 256 + part.to_i }
  end

  def self.number6(text)
    head, gap, tail = text.partition('::')
    return nil if tail.include?('::')
    left = groups(head, gap.empty?)
    right = gap.empty? ? [] : groups(tail, true)
    return nil unless left && right
    missing = 8 - left.size - right.size
    return nil if gap.empty? ? missing != 0 : missing < 1
    (left + [0] * missing + right).inject(0) { |number, group| number << 16 | group }
  end

  # Only at the end of all may there be an IPv4 address.
  def self.groups(text, at_end)
    return [] if text.empty?
    parts = text.split(':', -1)
    found = []
    if at_end && parts.last.include?('.')
      return nil unless V4.match?(parts.last)
      number = number4(parts.pop)
      found = [number >> 16, number & 0xffff]
    end
    parts.all? { |part| GROUP.match?(part) } ? parts.map(&:hex) + found : nil
  end

  def self.longest_gap(groups)
    best = [0, 0]
    start = nil
    groups.each_with_index do |group, at|
      start = group.zero? ? start || at : nil
      best = [start, at - start + 1] if start && at - start + 1 > best.last
    end
    best
  end
end
