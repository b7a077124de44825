# frozen_string_literal: true

require 'json'

module LogStash
  # What the script and the filters use of Logstash's Event, with its rules: `[a][b]` is a path, a name
  # without brackets one at the top; what `get` answers is a copy; `set` makes the maps on its way and
  # refuses to go through anything else; a value is what JSON knows.
  class Event
    class InvalidFieldSet < StandardError; end

    def initialize(data = {})
      @data = copy(data)
    end

    def get(reference)
      copy(path(reference).inject(@data) { |at, name| step(at, name) })
    end

    def set(reference, value)
      *way, last = path(reference)
      holder = way.inject(@data) do |at, name|
        raise InvalidFieldSet, "#{reference} goes through a #{at.class}" unless at.is_a?(Hash)
        at.key?(name) ? at[name] : at[name] = {}
      end
      raise InvalidFieldSet, "#{reference} goes through a #{holder.class}" unless holder.is_a?(Hash)
      holder[last] = copy(value)
    end

    def remove(reference)
      *way, last = path(reference)
      holder = way.inject(@data) { |at, name| step(at, name) }
      holder.delete(last) if holder.is_a?(Hash)
    end

    def include?(reference)
      !get(reference).nil?
    end

    def tag(name)
      tags = @data['tags']
      tags = tags.nil? ? [] : [*tags]
      @data['tags'] = tags.include?(name) ? tags : tags + [name]
    end

    # Lists are joined with a comma; of what is not there, the template stays.
    def sprintf(template)
      template.gsub(/%\{([^}]+)\}/) do |whole|
        value = get($1)
        case value
        when nil then whole
        when Array then value.join(',')
        when Hash then JSON.generate(value)
        else value.to_s
        end
      end
    end

    def to_hash
      copy(@data)
    end

    private

    def path(reference)
      return [reference] unless reference.start_with?('[')
      raise ArgumentError, "no reference: #{reference}" unless /\A(?:\[[^\[\],]+\])+\z/.match?(reference)
      reference[1..-2].split('][')
    end

    def step(at, name)
      case at
      when Hash then at[name]
      when Array then /\A-?\d+\z/.match?(name) ? at[name.to_i] : nil
      end
    end

    def copy(value)
      case value
      when Hash then value.map { |name, each| [String.new(name), copy(each)] }.to_h
      when Array then value.map { |each| copy(each) }
      when String then String.new(value)
      when Numeric, true, false, nil then value
      else raise ArgumentError, "an event can not hold a #{value.class}"
      end
    end
  end
end
