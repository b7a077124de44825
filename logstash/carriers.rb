# JSON as tipline writes it: printable ASCII, a few levels deep.
module Json
  PRINTABLE = /\A[ -~]+\z/n.freeze

  def self.object(raw)
    value = parse(raw)
    value.is_a?(Hash) ? value : nil
  end

  # nil for anything else.
  def self.parse(raw)
    return nil unless raw.is_a?(String) && raw.bytesize <= Limit::VALUE_BYTES && PRINTABLE.match?(raw.b)
    JSON.parse(raw.dup.force_encoding(Encoding::UTF_8), max_nesting: 4, create_additions: false)
  rescue JSON::JSONError, ArgumentError, EncodingError
    nil
  end
end

# One attribute of MISP that stands behind a key.
Carrier = Struct.new(:event, :type, :source, :attribute, :port, :info, :tags, :timestamp, :first_seen, :last_seen)

# From a value in memcached to its carriers. nil: it is nothing that tipline writes.
module Carriers
  EVENT = /\A(?:\d{1,19}|\h{8}(?:-\h{4}){3}-\h{12})\z/.freeze
  UUID = /\A\h{8}(?:-\h{4}){3}-\h{12}\z/.freeze
  SOURCE = /\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z/.freeze
  INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/.freeze

  def self.read(raw)
    return nil unless raw.is_a?(String) && raw.bytesize <= Limit::VALUE_BYTES && Json::PRINTABLE.match?(raw.b)
    raw.start_with?('[') ? from_json(raw) : from_ids(raw)
  end

  # `event_id#type,...`, with several sources `event_id#type#source,...`.
  def self.from_ids(raw)
    pieces = raw.dup.force_encoding(Encoding::UTF_8).split(',').first(Limit::CARRIERS)
    found = pieces.map { |piece| piece.split('#', -1) }.map do |event, type, source, *more|
      return nil unless more.empty? && EVENT.match?(event.to_s) && type
      return nil unless source.nil? || SOURCE.match?(source)
      Carrier.new(event, type, source)
    end
    found.empty? ? nil : found
  end

  # The newest; where there are more, the last element says how many.
  def self.from_json(raw)
    given = Json.parse(raw)
    return nil unless given.is_a?(Array)
    given.first(Limit::CARRIERS).reject { |one| one.is_a?(Hash) && one.keys == ['more'] }.map do |one|
      return nil unless one.is_a?(Hash) && EVENT.match?(string(one['event'])) && one['type'].is_a?(String)
      Carrier.new(one['event'], one['type'], source(one), string(one['attribute'])[UUID], port(one['port']),
                  clean(one['info'], 256), tags(one['tags']), one['timestamp'], one['first_seen'], one['last_seen'])
    end
  end

  def self.string(given)
    given.is_a?(String) ? given.scrub : ''
  end

  def self.source(given)
    string(given['source'])[SOURCE]
  end

  def self.port(given)
    given.is_a?(Integer) && given.between?(1, 65_535) ? given : nil
  end

  def self.tags(given)
    return [] unless given.is_a?(Array)
    given.first(50).map { |tag| clean(tag, 255) }.compact
  end

  # Without what no eye sees, and what turns the order of letters round.
  def self.clean(given, longest)
    text = string(given).gsub(INVISIBLE, ' ').strip[0, longest]
    text.empty? ? nil : text
  end
end
