# Addresses and names that can meet nothing, because tipline never serves them. What the policy allows
# in spite of that is looked up.
class Skip
  def initialize(given)
    @nets = Ranges.new(given.fetch('nets'))
    @asked_nets = Ranges.new(given.fetch('nets_asked'))
    @domains = set(given.fetch('domains'))
    @asked_domains = set(given.fetch('domains_asked'))
  end

  def address?(family, number)
    @nets.include?(family, number) && !@asked_nets.include?(family, number)
  end

  # `names`: a name and its parents.
  def name?(names)
    return false if @domains.empty?
    names.any? { |name| @domains[name] } && names.none? { |name| @asked_domains[name] }
  end

  private

  def set(names)
    names.each_with_object({}) { |name, all| all[name] = true }
  end
end

# Nets, to be asked which addresses lie in them.
class Ranges
  def initialize(nets)
    ranges = nets.map { |net| range(net) }.group_by(&:first)
    @by_family = ranges.map { |family, all| [family, merged(all.map { |_, from, to| [from, to] })] }.to_h
  end

  def include?(family, number)
    ranges = @by_family[family]
    return false unless ranges
    after = ranges.bsearch_index { |from, _| from > number } || ranges.size
    after.positive? && ranges[after - 1].last >= number
  end

  private

  def range(net)
    text, length = net.split('/')
    family, number = Address.read(text)
    raise ArgumentError, 'tipline.json names a net that is none' unless family
    bits = family == 4 ? 32 : 128
    rest = bits - (length ? Integer(length, 10) : bits)
    from = number >> rest << rest
    [family, from, from + (1 << rest) - 1]
  end

  def merged(ranges)
    ranges.sort.each_with_object([]) do |(from, to), all|
      if all.any? && from <= all.last.last + 1
        all.last[1] = [all.last.last, to].max
      else
        all << [from, to]
      end
    end
  end
end
