# What Logstash's http filter (1.x) does with events, on JRuby and through the Apache HttpClient 4.5 that
# it speaks through itself: its templates, its request, what it makes of the answer. Not its code.
#   jruby logstash-http.rb < {"settings": {...}, "events": [...]} > an event a line
require 'java'
require 'json'
%w[commons-logging commons-codec httpcore httpclient].each { |jar| require "/usr/share/java/#{jar}.jar" }
java_import 'org.apache.http.client.config.RequestConfig'
java_import 'org.apache.http.client.methods.HttpGet'
java_import 'org.apache.http.client.methods.HttpPost'
java_import 'org.apache.http.client.utils.URIBuilder'
java_import 'org.apache.http.entity.StringEntity'
java_import 'org.apache.http.impl.client.HttpClientBuilder'
java_import 'org.apache.http.impl.conn.PoolingHttpClientConnectionManager'
java_import 'org.apache.http.message.BasicHeader'
java_import 'org.apache.http.message.BasicNameValuePair'
java_import 'org.apache.http.util.EntityUtils'

class HttpFilter
  def initialize(settings)
    @settings = settings
    config = RequestConfig.custom
    config.set_connect_timeout(1000 * settings.fetch('connect_timeout', 10))
    config.set_socket_timeout(1000 * settings.fetch('socket_timeout', 10))
    builder = HttpClientBuilder.create
    builder.set_user_agent('Manticore 0.9.1')
    builder.set_connection_manager(PoolingHttpClientConnectionManager.new)
    builder.set_default_request_config(config.build)
    @client = builder.build
  end

  # Fields that are there are filled in; of others the template stays.
  def sprintf(event, template)
    case template
    when Hash then template.to_h { |key, value| [sprintf(event, key), sprintf(event, value)] }
    when String
      template.gsub(/%\{([^}]+)\}/) do |literal|
        value = event.dig(*Regexp.last_match(1).scan(/[^\[\]]+/))
        next literal if value.nil?
        value.is_a?(Array) ? value.join(',') : value.to_s
      end
    else template
    end
  end

  def filter(event)
    code, type, body = ask(event)
    return failed(event) unless code.between?(200, 299)
    event[@settings['target_body'][/\w+/]] = type == 'application/json' ? JSON.parse(body) : body.strip
    event
  rescue StandardError, Java::JavaLang::Exception => e
    failed(event).merge('error' => e.class.name)
  end

  def ask(event)
    @client.execute(request(event)) do |response|
      type = response.get_first_header('content-type')&.value.to_s.split(';').first
      [response.status_line.status_code, type, EntityUtils.to_string(response.entity, 'UTF-8')]
    end
  end

  def request(event)
    uri = URIBuilder.new(sprintf(event, @settings['url']))
    pairs = sprintf(event, @settings.fetch('query', {}))
    uri.add_parameters(pairs.map { |name, value| BasicNameValuePair.new(name, value) }) unless pairs.empty?
    request = @settings['verb'] == 'POST' ? HttpPost.new(uri.to_string) : HttpGet.new(uri.to_string)
    body = JSON.generate(sprintf(event, @settings['body'])) if @settings['body']
    request.entity = StringEntity.new(body, body.ascii_only? ? 'ISO-8859-1' : 'UTF-8') if body
    type = @settings['body_format'] == 'json' ? 'application/json' : 'text/plain'
    headers = sprintf(event, @settings.fetch('headers', {})).merge('content-type' => type)
    all = { 'Connection' => 'Keep-Alive' }.merge(headers)
    request.set_headers(all.map { |name, value| BasicHeader.new(name, value) }.to_java(BasicHeader))
    request
  end

  def failed(event)
    event['tags'] = event.fetch('tags', []) + @settings.fetch('tag_on_request_failure', ['_httprequestfailure'])
    event
  end
end

given = JSON.parse($stdin.read)
given.each do |run|
  filter = HttpFilter.new(run['settings'])
  run['events'].each { |event| puts JSON.generate(filter.filter(event)) }
end
