# What one observable asks memcached for. `text` is the value as the event has it, `value` the
# indicator that is meant.
Ask = Struct.new(:field, :text, :space, :value, :key)

class Enricher
  def initialize(settings)
    @settings = settings
    @tree = FieldTree.new(settings.fields)
    @keys = Keys.new(settings.skip)
    @cache = Cache.new(settings)
    @teller = Teller.new(settings)
  end

  def enrich(event)
    values, truncated = @tree.values(event)
    answers = @cache.for_this_thread
    asks = asks_of(values, answers.lengths)
    truncated = look_up(event, asks, values, answers) || truncated unless asks.empty?
    event.tag(Tag::TRUNCATED) if truncated
  rescue StandardError => e
    tell_error(event, e)
  end

  private

  # Answers whether there was more than is told.
  def look_up(event, asks, values, answers)
    ask(asks, answers)
    if answers.lengths_changed?
      asks = asks_of(values, answers.lengths)
      ask(asks, answers)
    end
    tell(event, asks, answers) || asks.size > Limit::KEYS
  end

  # Whoever writes the log may have put something in the way of one; that must not keep the other back.
  def tell(event, asks, answers)
    @teller.tell(event, asks, answers)
  ensure
    event.tag(Tag::BAD_VALUE) if answers.bad?
    tell_freshness(event, answers)
  end

  def ask(asks, answers)
    answers.ask(asks.first(Limit::KEYS).map(&:key))
  end

  def asks_of(values, lengths)
    known = Hash.new { |all, spaces| all[spaces] = {} }.compare_by_identity
    values.flat_map do |field, text|
      found = known[field.spaces][text] ||= @keys.of(text, field.spaces, lengths)
      found.map { |space, value, key| Ask.new(field, text, space, value, key) }
    end
  end

  def tell_freshness(event, answers)
    oldest = answers.oldest
    age = oldest && [Time.now.to_i - oldest, 0].max
    if !answers.complete?
      event.tag(Tag::UNAVAILABLE)
    elsif age.nil? || (@settings.stale_after && age > @settings.stale_after)
      event.tag(Tag::STALE)
    end
    event.set('[tipline][age]', age) if age
  end

  # The class and the line, and nothing of the message: that may hold what memcached said.
  def tell_error(event, error)
    event.tag(Tag::ERROR)
    line = (error.backtrace || []).first.to_s[/:(\d+):/, 1]
    event.set('[tipline][error]', "#{error.class} at line #{line}")
  rescue StandardError
    # [tipline] is a plain value on this event. The tag stands.
    nil
  end
end
