# encoding: utf-8
# frozen_string_literal: true

# The script of a Logstash ruby filter: looks up what an event holds among the indicators that tipline
# keeps in memcached, and says on the event what it met.
#
# One file, because Logstash loads one; tipline puts it together from the parts in its folder
# logstash/. It holds no setting: those are in tipline.json, which
# `tipline logstash` writes beside it. Ruby 2.5 and later (Logstash 7.17 runs JRuby 9.2).
#
# What comes from memcached is foreign: whoever can write there could have put anything. Nothing of it
# is unmarshalled or inflated, and only strings that look as they should come out.

# All that an event can need, while there is one thread. The first to name Digest::SHA256 would load it
# while others see half of it, and Dalli loads the logger when it first has something to say.
require 'digest/sha2'
require 'json'
require 'logger'
require 'time'
require 'dalli'

def register(params)
  @enricher = Enricher.new(Settings.read(params.fetch('settings')))
end

# Never raises: a line that could not be looked up goes on, with a tag that says so.
def filter(event)
  @enricher.enrich(event)
  [event]
end

module Tag
  # No heartbeat came back: memcached is down, was emptied, or was never filled.
  UNAVAILABLE = '_tipline_unavailable'
  # The oldest source was last read longer ago than `stale_after`.
  STALE = '_tipline_stale'
  # memcached held something under one of our keys that tipline does not write.
  BAD_VALUE = '_tipline_bad_value'
  # More values, or more hits, than are looked at.
  TRUNCATED = '_tipline_truncated'
  # A fault in this script; [tipline][error] says which.
  ERROR = '_tipline_error'
end

module Limit
  # Values of one event that are looked up, and the keys that they come to: an address has one for each
  # length of a net.
  VALUES = 500
  KEYS = 2000
  # Hits that are told on one event.
  HITS = 100
  # Bytes of a value from memcached; what tipline writes is rarely over ten thousand.
  VALUE_BYTES = 1024 * 1024
  # Attributes that are read of one value.
  CARRIERS = 200
  KEY_BYTES = 250
  # UTF-16 units, as tipline counts.
  TEXT = 65_536
  STRUCTURED = 4096
end
