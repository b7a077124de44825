# frozen_string_literal: true

# Answers a test that talks to it in lines of JSON. It runs tipline.rb as Logstash's ruby filter does: the
# text is evaluated in an object of its own, `register` is called once, `filter` for each event.

require 'json'
require_relative '../../examples/logstash/event'
require_relative 'filters'

class Script
  def initialize(path, params)
    @context = Object.new
    @context.instance_eval(File.read(path, encoding: 'UTF-8'), path, 1)
    @context.register(params)
  end

  def filter(event)
    result = @context.filter(event)
    raise "the script answered #{result.class}" unless result == [event]
    event
  end

  def part(name)
    @context.singleton_class.const_get(name)
  end
end

class Harness
  def load(ask)
    @script = Script.new(ask['script'], 'settings' => ask['settings'])
    true
  end

  # In so many threads at once, as Logstash's workers do.
  def filter(ask)
    batches = ask['events'].each_slice((ask['events'].size / (ask['threads'] || 1).to_f).ceil).to_a
    batches.map { |events| Thread.new { events.map { |data| one(data) } } }.flat_map(&:value)
  end

  def one(data)
    @script.filter(LogStash::Event.new(data)).to_hash
  end

  def loaded(_ask)
    $LOADED_FEATURES
  end

  def keys(ask)
    settings = @script.part(:Settings).read(ask['settings'])
    keys = @script.part(:Keys).new(settings.skip)
    lengths = { 4 => ask['v4'] || [], 6 => ask['v6'] || [] }
    ask['items'].map { |text, spaces| keys.of(text, spaces, lengths) }
  end

  def memcached_filter(ask)
    filter = MemcachedFilter.new(hosts: ask['hosts'], get: ask['get'], namespace: ask['namespace'])
    ask['events'].map { |data| LogStash::Event.new(data).tap { |event| filter.filter(event) }.to_hash }
  end

  def old_pipeline(ask)
    filter = MemcachedFilter.new(hosts: ask['hosts'], get: ask['get'], namespace: ask['namespace'])
    ask['events'].map do |data|
      event = LogStash::Event.new(data)
      filter.filter(event)
      OldScript.filter(event)
      event.to_hash
    end
  end

  # The keys among these that are there, as the memcached filter asks.
  def found(ask)
    filter = MemcachedFilter.new(hosts: ask['hosts'], get: {})
    ask['keys'].each_slice(50).flat_map { |keys| answers = filter.get_multi(keys); keys.map { |key| answers[key] } }
  end

  # Puts a value there with Dalli's own flags, as another program or an attacker would.
  def marshalled(ask)
    Dalli::Client.new(ask['hosts']).set(ask['key'], ask['value'])
    true
  end
end

harness = Harness.new
$stdout.sync = true
$stdin.each_line do |line|
  ask = JSON.parse(line)
  begin
    $stdout.puts JSON.generate('answer' => harness.public_send(ask['do'], ask))
  rescue StandardError => e
    $stdout.puts JSON.generate('error' => "#{e.class}: #{e.message}", 'at' => e.backtrace.first(3))
  end
end
