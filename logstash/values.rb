# Everything that is no host.
module Values
  DIGESTS = {
    'md5' => [32], 'sha1' => [40], 'sha224' => [56], 'sha256' => [64], 'sha384' => [96],
    'sha512' => [128], 'sha512-224' => [56], 'sha512-256' => [64], 'sha3-224' => [56],
    'sha3-256' => [64], 'sha3-384' => [96], 'sha3-512' => [128], 'imphash' => [32],
    'authentihash' => [64], 'pehash' => [40], 'cdhash' => [40, 64], 'ja3' => [32], 'hassh' => [32],
    'jarm' => [62], 'x509' => [32, 40, 64]
  }.freeze
  SLASH = %r{[/\\]}.freeze
  HEX = /\A\h+\z/.freeze
  HEX_PAIRS = /\A\h{2}(?:[: ]\h{2})+\z/.freeze
  LOCAL_PART = /\A[^\s<>@,;]{1,256}\z/.freeze
  MESSAGE_ID = /\A[^\s@<>]+@[^\s@<>]+\z/.freeze
  MAC = /\A\h{2}(?:([:.\- ]?)\h{2})(?:\1\h{2}){4}(?:(?:\1\h{2}){2})?\z/.freeze
  CISCO_MAC = /\A\h{4}(?:\.\h{4}){2,3}\z/.freeze
  SSH_SHA256 = %r{\ASHA256:([A-Za-z0-9+/]{43})=?\z}.freeze
  SSH_MD5 = /\A(?:MD5:)?((?:\h{2}:){15}\h{2}|\h{32})\z/i.freeze
  COMMUNITY_ID = %r{\A1:[A-Za-z0-9+/]{27}=\z}.freeze
  UUID = /\A\{?(\h{8}(?:-\h{4}){3}-\h{12})\}?\z/.freeze
  APPLICATION = /\A[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\z/.freeze
  EXTENSION = /\A[a-p]{32}\z/.freeze

  # The values that a text stands for; none where it can't be of this namespace.
  def self.read(text, space)
    return digest(text, space) if DIGESTS[space]
    case space
    when 'url' then Url.read(text)
    when 'filename' then [text, text[(text.rindex(SLASH) || -1) + 1..-1]].uniq.flat_map { |name| free(name) }
    when 'user-agent', 'regkey', 'mutex', 'named-pipe' then free(text)
    else text.ascii_only? && text.length <= Limit::STRUCTURED ? identifier(text, space) : []
    end
  end

  def self.digest(text, space)
    return [] if text.length > 256
    bare = space == 'x509' && HEX_PAIRS.match?(text) ? text.gsub(/[: ]/, '') : text
    HEX.match?(bare) && DIGESTS[space].include?(bare.length) ? [bare.downcase] : []
  end

  def self.free(text)
    trimmed = Text.trim(text)
    trimmed.empty? || trimmed.include?("\0") ? [] : [trimmed]
  end

  def self.identifier(text, space)
    found =
      case space
      when 'email', 'eppn' then email(text)
      when 'message-id' then message_id(text)
      when 'mac' then mac(text)
      when 'ssh-fingerprint' then ssh(text)
      when 'community-id' then text[COMMUNITY_ID]
      when 'azure-application-id' then text[UUID, 1] && text[UUID, 1].downcase
      when 'mobile-application-id' then text.length <= 255 ? text[APPLICATION] : nil
      when 'chrome-extension-id' then text.downcase[EXTENSION]
      end
    found ? [found] : []
  end

  def self.email(text)
    return nil if Text::CONTROL.match?(text)
    local, _, domain = unbracketed(text).partition('@')
    host = Name.plain(domain)
    host && LOCAL_PART.match?(local) ? "#{local.downcase}@#{host}" : nil
  end

  def self.message_id(text)
    Text::CONTROL.match?(text) ? nil : unbracketed(text)[MESSAGE_ID]
  end

  def self.unbracketed(text)
    text.start_with?('<') && text.end_with?('>') ? text[1..-2].to_s : text
  end

  def self.mac(text)
    MAC.match?(text) || CISCO_MAC.match?(text) ? pairs(text) : nil
  end

  def self.ssh(text)
    sha256 = text[SSH_SHA256, 1]
    return "SHA256:#{sha256}" if sha256
    md5 = text[SSH_MD5, 1]
    md5 && "MD5:#{pairs(md5)}"
  end

  def self.pairs(digits)
    digits.gsub(/\H/, '').downcase.scan(/../).join(':')
  end
end
