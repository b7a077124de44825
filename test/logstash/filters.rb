# frozen_string_literal: true

require 'dalli'

# What Logstash's memcached filter 1.2.0 does with `get`: the templates are filled from the event, all
# keys go in one multi-get, and each answer to the field of its key. Of equal keys, the last field.
class MemcachedFilter
  def initialize(hosts:, get:, namespace: nil)
    options = { expires_in: 0 }
    options[:namespace] = namespace if namespace
    @cache = Dalli::Client.new(hosts, options)
    @get = get
  end

  def filter(event)
    field_of = @get.map { |template, field| [event.sprintf(template), field] }.to_h
    answers = @cache.get_multi(field_of.keys)
    field_of.each { |key, field| event.set(field, answers[key]) unless answers[key].nil? }
  rescue Dalli::NetworkError, Dalli::RingError
    event.tag('_memcached_failure')
    @cache.close
  end

  def get_multi(keys)
    @cache.get_multi(keys)
  end
end

# How the script that goes with MISP2memcached takes a value apart.
module OldScript
  def self.filter(event)
    found = event.get('[enrich][tmp]')
    return unless found
    pairs = found.split(',').map { |piece| piece.split('#') }
    event.set('[misp][event_id]', pairs.map { |pair| pair[0] })
    event.set('[misp][type]', pairs.map { |pair| pair[1] })
    event.remove('[enrich][tmp]')
  end
end
