# The connections to memcached, one a thread: Logstash calls `filter` from many, and a shared client of
# Dalli's lets one of them at a time ask.
class Cache
  def initialize(settings)
    @settings = settings
    @slot = :"tipline_#{object_id}"
  end

  # It ends with its thread, when that is collected: Logstash tells a script of no end.
  def for_this_thread
    Thread.current.thread_variable_get(@slot) ||
      Answers.new(@settings).tap { |answers| Thread.current.thread_variable_set(@slot, answers) }
  end
end

# Dalli would hand what carries its flags to Marshal.load and to zlib, and Marshal.load runs what the
# value says. tipline sets no flags, so whatever has them is not ours.
module Refuse
  def self.load(_value)
    nil
  end

  def self.decompress(_value)
    nil
  end

  def self.dump(_value)
    raise NotImplementedError, 'tipline.rb writes nothing'
  end

  def self.compress(_value)
    raise NotImplementedError, 'tipline.rb writes nothing'
  end
end

# One thread's way to memcached, and what it answered last.
class Answers
  HEARTBEAT = 'tipline:heartbeat'
  LENGTHS = 'tipline:net-lengths'
  # How often each of several servers is asked whether it is there.
  CHECK_SECONDS = 1
  # The last is Dalli's answer to a server that asks for another SASL than it knows, and no StandardError:
  # it would end the pipeline.
  OUTAGES = [Dalli::DalliError, SystemCallError, IOError, Timeout::Error, NotImplementedError].freeze

  attr_reader :lengths, :oldest

  def initialize(settings)
    @retry_after = settings.retry_after
    @client = Dalli::Client.new(settings.servers, options(settings))
    @several = settings.servers.size > 1
    @servers_answer = true
    @checked_at = 0
    @resume_at = 0
    @answers = {}
    read_lengths(nil)
  end

  # One round trip, with the heartbeat and the lengths of nets in it. A server that is down answers
  # nothing, for which Dalli waits `timeout` and then not again for `retry_after`.
  def ask(keys)
    @bad = false
    @answers = now < @resume_at ? {} : get(keys.uniq)
    raw = @answers[LENGTHS]
    @lengths_changed = @answers.key?(HEARTBEAT) && raw != @raw_lengths
    read_lengths(raw) if @lengths_changed
    read_heartbeat(@answers[HEARTBEAT])
  end

  def lengths_changed?
    @lengths_changed
  end

  def complete?
    @answers.key?(HEARTBEAT) && @servers_answer
  end

  # nil where there is nothing.
  def [](key)
    value = @answers[key]
    @bad = true if value.nil? && @answers.key?(key)
    value
  end

  def bad!
    @bad = true
  end

  def bad?
    @bad
  end

  private

  def options(settings)
    { socket_timeout: settings.timeout, down_retry_delay: settings.retry_after,
      socket_failure_delay: nil, threadsafe: false, serializer: Refuse, compressor: Refuse }
  end

  def get(keys)
    check if @several && now >= @checked_at + CHECK_SECONDS
    @client.get_multi(HEARTBEAT, LENGTHS, *keys)
  rescue *OUTAGES
    # Such as a password that is refused: nothing that asking again at once would change.
    @resume_at = now + @retry_after
    {}
  end

  # Dalli says nothing of a server that is down; its keys are just not there.
  def check
    @checked_at = now
    @servers_answer = @client.version.values.none?(&:nil?)
  rescue *OUTAGES
    @servers_answer = false
  end

  def read_lengths(raw)
    @raw_lengths = raw
    given = Json.object(raw) || {}
    @lengths = { 4 => lengths_of(given['v4'], 31), 6 => lengths_of(given['v6'], 127) }
  end

  def lengths_of(given, longest)
    return [] unless given.is_a?(Array)
    given.select { |length| length.is_a?(Integer) && length.between?(0, longest) }.uniq.first(longest + 1)
  end

  def read_heartbeat(raw)
    return if raw == @raw_heartbeat
    @raw_heartbeat = raw
    oldest = (Json.object(raw) || {})['oldest']
    @oldest = oldest.is_a?(Integer) && oldest.between?(0, 1 << 40) ? oldest : nil
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
