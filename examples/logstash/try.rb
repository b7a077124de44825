# frozen_string_literal: true

# Runs the script of `tipline logstash` on events, without a Logstash: one JSON object a line in, and
# what became of it out. Needs Ruby and Dalli (Debian: ruby-dalli).
#
#     echo '{"source":{"ip":"198.51.100.7"}}' | ruby try.rb /etc/logstash/tipline

require 'json'
require_relative 'event'

folder = ARGV.fetch(0) { abort 'usage: ruby try.rb FOLDER < events' }
script = File.join(folder, 'tipline.rb')
# As Logstash's ruby filter does: the text is evaluated in an object of its own.
filter = Object.new
filter.instance_eval(File.read(script, encoding: 'UTF-8'), script, 1)
filter.register('settings' => File.join(folder, 'tipline.json'))
$stdin.each_line do |line|
  filter.filter(LogStash::Event.new(JSON.parse(line))).each { |event| puts JSON.pretty_generate(event.to_hash) }
end
