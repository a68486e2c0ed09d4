-- One kind of request, over and over, for wrk:
--
--   wrk -s load.lua URL -- get|apply|create COLLECTION COUNT RUN
--
-- COLLECTION is the path of the ConfigMaps of a namespace, COUNT how many
-- objects `held-0`, `held-1`… there are, RUN a word that no other run of
-- `create` has. The bearer token is in WRK_TOKEN.

local collection, count, run
local number = 0
local target, built = nil, {}

local function config_map(name)
  return '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"' .. name
    .. '","labels":{"app":"bench"}},"data":{"colour":"blue","size":"3"}}'
end

local function get(name)
  return wrk.format("GET", collection .. "/" .. name)
end

local function apply(name)
  local headers = { ["Content-Type"] = "application/apply-patch+yaml" }
  for key, value in pairs(wrk.headers) do headers[key] = value end
  local path = collection .. "/" .. name .. "?fieldManager=bench&force=true"
  return wrk.format("PATCH", path, headers, config_map(name))
end

local function create(name)
  local headers = { ["Content-Type"] = "application/json" }
  for key, value in pairs(wrk.headers) do headers[key] = value end
  return wrk.format("POST", collection, headers, config_map(name))
end

function init(arguments)
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("WRK_TOKEN")
  wrk.headers["Accept"] = "application/json"
  local kind
  kind, collection, count, run = arguments[1], arguments[2], tonumber(arguments[3]), arguments[4]
  target = ({ get = get, apply = apply, create = create })[kind]
  if kind == "create" then return end
  for held = 0, count - 1 do built[held] = target("held-" .. held) end
end

function request()
  number = number + 1
  if count == 0 then return target("made-" .. run .. "-" .. number) end
  return built[number % count]
end
