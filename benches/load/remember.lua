-- JWT for nginx, as gateways on OpenResty do it: luaossl verifies, and each worker remembers good tokens in an LRU list.
local M = {}
local pkey, digest, hmac = require "openssl.pkey", require "openssl.digest", require "openssl.hmac"
local cjson, lru = require "cjson.safe", require "resty.lrucache"
local settings, remembered = nil, lru.new(50000)

local function content(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function decoded(text)
  text = text:gsub("%-", "+"):gsub("_", "/")
  return ngx.decode_base64(text .. ("="):rep((4 - #text % 4) % 4))
end

local function der_integer(bytes)
  bytes = bytes:gsub("^%z+", "")
  if bytes:byte(1) >= 128 then bytes = "\0" .. bytes end
  return "\2" .. string.char(#bytes) .. bytes
end

local function is_signed(signed, signature)
  if settings.algorithm == "HS256" then
    return hmac.new(settings.key, "sha256"):final(signed) == signature
  end
  if settings.algorithm == "ES256" then
    local body = der_integer(signature:sub(1, 32)) .. der_integer(signature:sub(33))
    signature = "\48" .. string.char(#body) .. body
  end
  return settings.key:verify(signature, digest.new("sha256"):update(signed))
end

local function verify(token)
  local head, claims, signature = token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
  if not head then return end
  local named = cjson.decode(decoded(head) or "")
  if not named or named.alg ~= settings.algorithm then return end
  signature = decoded(signature)
  if not signature or not is_signed(head .. "." .. claims, signature) then return end
  claims = cjson.decode(decoded(claims) or "")
  if not claims or claims.iss ~= settings.issuer or claims.aud ~= settings.audience then return end
  return claims
end

function M.setup(algorithm, key_file, issuer, audience)
  local key = content(key_file)
  if algorithm ~= "HS256" then key = pkey.new(key) end
  settings = { algorithm = algorithm, key = key, issuer = issuer, audience = audience }
end

function M.check(remembers)
  local field = ngx.var.http_authorization
  local token = field and field:match("^Bearer (.+)$")
  if not token then return ngx.exit(401) end
  local claims = remembers and remembered:get(token)
  if not claims then
    claims = verify(token)
    if not claims then return ngx.exit(401) end
    if remembers then remembered:set(token, claims, math.max(0, claims.exp - ngx.time())) end
  end
  if claims.exp <= ngx.time() then return ngx.exit(401) end
  ngx.req.set_header("X-User", claims.sub)
end

return M
