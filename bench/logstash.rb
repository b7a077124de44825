# frozen_string_literal: true

# Events a second through tipline.rb, and through the way of old: a memcached filter for each field, and
# the script that takes the answer apart. In turns, in one process. Answers one line of JSON.
#
#     ruby bench/logstash.rb FOLDER SERVER EVENTS ROUNDS

require 'json'
require 'logger'
require_relative '../examples/logstash/event'
require_relative '../test/logstash/filters'

folder, server, events, rounds = ARGV
EVENTS = JSON.parse(File.read(File.join(folder, 'events.json'))).first(Integer(events, 10)).freeze

FIELDS = { 'misp-ip:%{[source][ip]}' => 1, 'misp-ip:%{[destination][ip]}' => 1,
           'misp-domain:%{[dns][question][name]}' => 1, 'misp-domain:%{[url][domain]}' => 1,
           'misp-url:%{[url][full]}' => 1, 'misp-sha256:%{[file][hash][sha256]}' => 1 }.keys.freeze

class Seed
  def initialize(server)
    @filters = FIELDS.map { |key| MemcachedFilter.new(hosts: [server], get: { key => '[enrich][tmp]' }) }
  end

  def filter(event)
    @filters.each do |filter|
      filter.filter(event)
      OldScript.filter(event)
    end
  end
end

def script(folder)
  path = File.join(folder, 'tipline.rb')
  context = Object.new
  context.instance_eval(File.read(path, encoding: 'UTF-8'), path, 1)
  context.register('settings' => File.join(folder, 'tipline.json'))
  context
end

# Events a second, and how many were told of a hit.
def rate(filter, threads)
  batches = EVENTS.map { |data| LogStash::Event.new(data) }.each_slice((EVENTS.size / threads.to_f).ceil).to_a
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  batches.map { |batch| Thread.new { batch.each { |event| filter.filter(event) } } }.each(&:join)
  seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
  { 'rate' => (EVENTS.size / seconds).round, 'hits' => batches.flatten.count { |event| event.get('[misp][event_id]') } }
end

ways = { 'seed' => Seed.new(server), 'tipline' => script(folder) }
ways.each_value { |way| rate(way, 1) }
results = [1, 8].map do |threads|
  all = Array.new(Integer(rounds, 10)) { ways.map { |name, way| [name, rate(way, threads)] }.to_h }
  { 'threads' => threads, 'rounds' => all }
end
puts JSON.generate('ruby' => RUBY_DESCRIPTION, 'results' => results)
