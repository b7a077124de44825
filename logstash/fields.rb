# Finds the values of the fields, through arrays and arrays of objects. An event is asked once for each
# field at its top.
class FieldTree
  Node = Struct.new(:children, :fields)

  def initialize(fields)
    @root = node
    fields.each { |field| place(field) }
    @tops = @root.children.map { |name, child| ["[#{name}]", child] }
  end

  # Answers pairs of a field and a text, none twice, and whether there were more than are looked at.
  def values(event)
    found = {}
    @tops.each { |reference, child| visit(event.get(reference), child, found) }
    pairs = found.keys
    [pairs.first(Limit::VALUES), pairs.size > Limit::VALUES]
  end

  private

  def node
    Node.new({}, [])
  end

  def place(field)
    last = field.path.inject(@root) { |at, name| at.children[name] ||= node }
    last.fields << field
  end

  def visit(value, at, found)
    return if found.size > Limit::VALUES
    case value
    when String then at.fields.each { |field| found[[field, value]] = true }
    when Array then flat(value).each { |one| visit(one, at, found) }
    when Hash then at.children.each { |name, child| visit(value[name], child, found) if value.key?(name) }
    end
  end

  # Lists within lists, as deep as whoever writes the log likes: no stack is deep enough to follow them.
  def flat(list)
    list.any?(Array) ? list.flatten : list
  end
end
