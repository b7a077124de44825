# One field of the event: where it is, under which namespaces its values are looked up, which types of
# MISP it may meet, and where the port is that goes with it.
class Field
  attr_reader :name, :path, :spaces, :port

  def initialize(given)
    @name = given.fetch('name')
    @path = given.fetch('path')
    @spaces = given.fetch('spaces')
    @types = given.fetch('types').each_with_object({}) { |type, all| all[type] = true }
    @port = given['port']
  end

  def meets?(type)
    @types.key?(type)
  end
end

class Settings
  FORMAT = 1

  attr_reader :servers, :timeout, :retry_after, :stale_after, :fields, :skip, :sources, :only_source, :legacy

  def self.read(path)
    new(JSON.parse(File.read(path, encoding: 'UTF-8')))
  end

  def initialize(given)
    unless given['format'] == FORMAT
      raise ArgumentError, 'tipline.json is of another version than tipline.rb: run tipline logstash again'
    end
    @servers = given.fetch('servers')
    @timeout = given.fetch('timeout')
    @retry_after = given.fetch('retry_after')
    @stale_after = given.fetch('stale_after')
    @fields = fields_of(given.fetch('fields'))
    @skip = Skip.new(given.fetch('skip'))
    @sources = given.fetch('sources')
    @only_source = @sources.size == 1 ? @sources.keys.first : nil
    @legacy = given.fetch('legacy_fields')
  end

  private

  # Fields that are looked up alike share their list of namespaces: it is then enough to compare the lists
  # themselves to see that two equal values ask for the same.
  def fields_of(given)
    shared = {}
    given.map { |field| Field.new(field.merge('spaces' => shared[field.fetch('spaces')] ||= field['spaces'])) }
  end
end
