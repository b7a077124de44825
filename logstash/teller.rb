# Puts on the event what was met.
class Teller
  FILE_HASHES = %w[md5 sha1 sha224 sha256 sha384 sha512 cdhash].freeze
  TLP = /\Atlp:(white|clear|green|amber|amber\+strict|red)\z/i.freeze

  def initialize(settings)
    @settings = settings
  end

  # Answers whether there was more than is told. A field in the way of one does not keep the other back.
  def tell(event, asks, answers)
    hits = hits_of(event, asks, answers)
    return false if hits.empty?
    told = hits.first(Limit::HITS)
    begin
      tell_ecs(event, told)
    ensure
      tell_legacy(event, told) if @settings.legacy
    end
    hits.size > told.size
  end

  private

  # Pairs of what asked and a carrier of what was found.
  def hits_of(event, asks, answers)
    found = {}
    asks.each do |ask|
      raw = answers[ask.key]
      next unless raw
      carriers = Carriers.read(raw)
      next answers.bad! unless carriers
      carriers.each { |carrier| found[identity(ask, carrier)] ||= [ask, carrier] if fits?(event, ask.field, carrier) }
    end
    found.values
  end

  # A URL may be found as it was written and in its normal form, an address by itself and by its net, as
  # small nets are spelled out for old pipelines: each is one hit.
  def identity(ask, carrier)
    names = %w[url ip net].include?(ask.space) ? [ask.space == 'url'] : [ask.space, ask.value]
    [ask.field.name, ask.text, names, carrier.event, carrier.type, carrier.source, carrier.attribute]
  end

  # A type that has no business in this field is no hit, nor is another port than the analyst said.
  def fits?(event, field, carrier)
    return false unless field.meets?(carrier.type)
    return true unless carrier.port && field.port
    port = port_of(event.get(field.port))
    port.nil? || port == carrier.port
  end

  def port_of(given)
    return given if given.is_a?(Integer)
    given.is_a?(String) && /\A\d{1,5}\z/.match?(given) ? given.to_i : nil
  end

  # As MISP2memcached's script leaves it: two lists that go together.
  def tell_legacy(event, hits)
    pairs = hits.map { |_, carrier| [carrier.event, carrier.type] }.uniq
    event.set('[misp][event_id]', pairs.map(&:first))
    event.set('[misp][type]', pairs.map(&:last))
  end

  # What ECS can't have there (anything but objects) would cost the whole document its place in the index.
  def tell_ecs(event, hits)
    there = event.get('[threat][enrichments]')
    there = there.is_a?(Array) ? there.select { |one| one.is_a?(Hash) } : [there].select { |one| one.is_a?(Hash) }
    occurred = Time.now.utc.iso8601(3)
    event.set('[threat][enrichments]', there + hits.map { |ask, carrier| enrichment(ask, carrier, occurred) })
  end

  def enrichment(ask, carrier, occurred)
    {
      'matched' => {
        'atomic' => ask.text[0, 2048], 'field' => ask.field.name, 'id' => carrier.attribute || ask.key,
        'index' => "misp-#{ask.space}", 'occurred' => occurred, 'type' => 'indicator_match_rule'
      },
      'indicator' => indicator(ask, carrier)
    }
  end

  def indicator(ask, carrier)
    source = carrier.source || @settings.only_source
    facts = { 'name' => ask.value[0, 2048], 'provider' => source, 'reference' => reference(source, carrier.event),
              'description' => carrier.info, 'marking' => marking(carrier.tags), 'first_seen' => time(carrier.first_seen),
              'last_seen' => time(carrier.last_seen), 'modified_at' => time(carrier.timestamp) }
    facts.merge(shape(ask.space, ask.value)).reject { |_, fact| fact.nil? }
  end

  # Only into the MISP that the config names.
  def reference(source, event)
    base = @settings.sources[source]
    base && /\A[0-9a-f-]+\z/i.match?(event) ? "#{base}#{event}" : nil
  end

  # The strictest.
  def marking(tags)
    levels = (tags || []).map { |tag| tag[TLP, 1] }.compact.map(&:upcase)
    order = %w[WHITE CLEAR GREEN AMBER AMBER+STRICT RED]
    level = levels.max_by { |each| order.index(each) }
    level && { 'tlp' => level == 'WHITE' ? 'CLEAR' : level }
  end

  def time(seconds)
    return nil unless seconds.is_a?(Integer) && seconds.between?(1, 253_402_300_799)
    Time.at(seconds).utc.iso8601
  end

  # What ECS calls it, and the field that it has for it.
  def shape(space, value)
    case space
    when 'ip' then { 'type' => family(value), 'ip' => value }
    when 'net' then { 'type' => family(value) }
    when 'domain', 'hostname' then { 'type' => 'domain-name', 'url' => { 'domain' => value } }
    when 'url' then { 'type' => 'url', 'url' => { 'full' => value[0, 2048] } }
    when 'email' then { 'type' => 'email-addr', 'email' => { 'address' => value } }
    when 'mac' then { 'type' => 'mac-addr' }
    when 'mutex' then { 'type' => 'mutex' }
    when 'x509' then { 'type' => 'x509-certificate' }
    when 'regkey' then { 'type' => 'windows-registry-key', 'registry' => { 'path' => value[0, 2048] } }
    else file(space, value)
    end
  end

  def file(space, value)
    return { 'type' => 'file', 'file' => { 'hash' => { space => value } } } if FILE_HASHES.include?(space)
    return { 'type' => 'file', 'file' => { 'pe' => { space => value } } } if %w[imphash pehash].include?(space)
    return { 'type' => 'file', 'file' => { 'name' => value[0, 2048] } } if space == 'filename'
    Values::DIGESTS[space] && space.start_with?('sha') ? { 'type' => 'file' } : {}
  end

  def family(value)
    value.include?(':') ? 'ipv6-addr' : 'ipv4-addr'
  end
end
