-- A small stand-in of Aseprite's documented API (aseprite.org/api): what the extension uses, and nothing else.

local stand_in = { dialogs = {}, steps = {}, commands = {}, executed = {}, undone = 0 }

local function strict(name, fields) -- an unknown field is an error, so that a misspelt one is noticed
  return setmetatable(fields, { __index = function(_, key) error(name .. " has no " .. tostring(key), 2) end })
end

-- json -----------------------------------------------------------------------------------------------------------
local json = {}
local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

function json.encode(value)
  local kind = math.type(value) or type(value)
  if kind == "integer" then return string.format("%d", value) end
  if kind == "float" then return string.format("%.17g", value) end
  if kind == "string" then return '"' .. value:gsub('[\\"\n]', ESCAPES) .. '"' end
  if kind ~= "table" then return tostring(value) end
  local parts = {}
  if #value > 0 or next(value) == nil then
    for _, each in ipairs(value) do parts[#parts + 1] = json.encode(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, each in pairs(value) do parts[#parts + 1] = json.encode(key) .. ":" .. json.encode(each) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function json.decode(text)
  local read
  local function skip(at) return text:find("[^ \t\r\n,:]", at) end
  local function string_at(at)
    local parts, from = {}, at + 1
    while true do
      local stop = text:find('[\\"]', from)
      parts[#parts + 1] = text:sub(from, stop - 1)
      if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
      local mark = text:sub(stop + 1, stop + 1)
      parts[#parts + 1] = ({ n = "\n", t = "\t" })[mark] or mark
      from = stop + 2
    end
  end
  function read(at)
    at = skip(at)
    local first = text:sub(at, at)
    if first == '"' then return string_at(at) end
    if first == "{" or first == "[" then
      local found, stop = {}, first == "{" and "}" or "]"
      at = skip(at + 1)
      while text:sub(at, at) ~= stop do
        local key = #found + 1
        if first == "{" then key, at = string_at(at) end
        found[key], at = read(at)
        at = skip(at)
      end
      return found, at + 1
    end
    for word, value in pairs({ ["true"] = true, ["false"] = false }) do
      if text:sub(at, at + #word - 1) == word then return value, at + #word end
    end
    local number = text:match("^-?[%d.eE+-]+", at)
    return tonumber(number), at + #number
  end
  return (read(1))
end

_G.json = json

-- pictures -------------------------------------------------------------------------------------------------------
_G.ColorMode = strict("ColorMode", { RGB = 0, GRAY = 1, INDEXED = 2 })
_G.WebSocketMessageType = strict("WebSocketMessageType", { TEXT = 0, BINARY = 1, OPEN = 2, CLOSE = 3 })
function _G.Point(x, y) return strict("Point", { x = x, y = y }) end

local ImageMethods = {}
function ImageMethods:getPixel(x, y)
  assert(x >= 0 and y >= 0 and x < self.width and y < self.height, "outside the image")
  return self.data[y * self.width + x]
end
function ImageMethods:drawPixel(x, y, value)
  assert(math.type(value) == "integer", "a pixel is a whole number")
  self.data[y * self.width + x] = value
end
function _G.Image(width, height, mode)
  local image = { width = width, height = height, colorMode = mode, data = {} }
  for i = 0, width * height - 1 do image.data[i] = 0 end
  return setmetatable(image, { __index = ImageMethods })
end

local function copy_image(image)
  local copy = Image(image.width, image.height, image.colorMode)
  for i, value in pairs(image.data) do copy.data[i] = value end
  return copy
end

local function is_in(list, wanted)
  for _, each in ipairs(list) do
    if each == wanted then return true end
  end
  return false
end

-- As in Aseprite, an error is raised for whoever uses a layer that was deleted or undone.
local LayerMethods = {}
function LayerMethods:cel(frame) return self.cels_by_frame[frame] end
local function new_layer(sprite, is_group)
  local fields = { sprite = sprite, name = "", isImage = not is_group, isGroup = is_group, isVisible = true,
    isReference = false, isBackground = false, isContinuous = false, cels_by_frame = {}, parent = sprite }
  local layer = {}
  local function check() if not is_in(sprite.layers, layer) then error("Tried to access a deleted 'Layer'", 3) end end
  setmetatable(layer, {
    __index = function(_, key) check() return fields[key] == nil and LayerMethods[key] or fields[key] end,
    __newindex = function(_, key, value) check() fields[key] = value end,
  })
  sprite.layers[#sprite.layers + 1] = layer
  return layer
end

local SpriteMethods = {}
function SpriteMethods:newLayer() return new_layer(self, false) end
function SpriteMethods:newGroup() return new_layer(self, true) end
function SpriteMethods:newCel(layer, frame, image, position)
  assert(layer.isImage, "a group has no cels")
  local cel = strict("Cel", { image = copy_image(image), position = position })
  layer.cels_by_frame[frame] = cel
  return cel
end
function SpriteMethods:newFrame(number) -- the copy comes behind
  self.frame_count = self.frame_count + 1
  for _, layer in ipairs(self.layers) do
    for frame = self.frame_count, number + 2, -1 do layer.cels_by_frame[frame] = layer.cels_by_frame[frame - 1] end
    local cel = layer.cels_by_frame[number]
    local image = cel and (layer.isContinuous and cel.image or copy_image(cel.image))
    layer.cels_by_frame[number + 1] = cel and strict("Cel", { image = image, position = cel.position })
  end
  return strict("Frame", { frameNumber = number + 1 })
end
function SpriteMethods:deleteLayer(layer)
  for i, each in ipairs(self.layers) do
    if each == layer then table.remove(self.layers, i) end
  end
end

function stand_in.sprite(width, height, mode, palette, transparent)
  local sprite = { width = width, height = height, colorMode = mode, layers = {}, frame_count = 1,
    transparentColor = transparent }
  local colours = setmetatable({}, { __len = function() return #palette end })
  function colours:getColor(index)
    local c = palette[index + 1]
    return strict("Color", { red = c[1], green = c[2], blue = c[3], alpha = c[4] })
  end
  local listeners = {}
  sprite.events = {
    on = function(_, name, listener)
      assert(name == "change", "an unknown event")
      listeners[#listeners + 1] = listener
    end,
    tell = function(_, from_undo) for _, listener in ipairs(listeners) do listener({ fromUndo = from_undo }) end end,
  }
  sprite.palettes = { colours }
  sprite.selection = strict("Selection", { bounds = strict("Rectangle", { x = 0, y = 0, width = 0, height = 0 }) })
  return setmetatable(sprite, { __index = SpriteMethods })
end

-- Undo: what a transaction has changed, but not whether layers are visible.
local function copy_cels(cels)
  local copy = {}
  for frame, cel in pairs(cels) do
    copy[frame] = strict("Cel", { image = copy_image(cel.image), position = Point(cel.position.x, cel.position.y) })
  end
  return copy
end

local KEPT = { "width", "height", "frame_count" }
local function state_of(sprite)
  local state = { layers = {}, cels = {} }
  for _, key in ipairs(KEPT) do state[key] = sprite[key] end
  for i, layer in ipairs(sprite.layers) do
    state.layers[i], state.cels[i] = layer, copy_cels(layer.cels_by_frame)
  end
  return state
end

local function transaction(work)
  local sprite = app.activeSprite
  local before = state_of(sprite)
  work()
  stand_in.steps[#stand_in.steps + 1] = before
  if sprite.events then sprite.events:tell(false) end
end

local function undo()
  local sprite, state = app.activeSprite, table.remove(stand_in.steps)
  if not state then return end
  stand_in.undone = stand_in.undone + 1
  for _, key in ipairs(KEPT) do sprite[key] = state[key] end
  sprite.layers = state.layers
  for i, layer in ipairs(sprite.layers) do layer.cels_by_frame = state.cels[i] end
  if sprite.events then sprite.events:tell(true) end
end

-- the program ----------------------------------------------------------------------------------------------------
local function bits(value, shift) return (value >> shift) & 255 end
_G.app = strict("app", {
  activeSprite = false, activeLayer = false, activeFrame = strict("Frame", { frameNumber = 1 }),
  pixelColor = strict("pixelColor", {
    rgba = function(r, g, b, a) return r | (g << 8) | (b << 16) | ((a or 255) << 24) end,
    rgbaR = function(v) return bits(v, 0) end, rgbaG = function(v) return bits(v, 8) end,
    rgbaB = function(v) return bits(v, 16) end, rgbaA = function(v) return bits(v, 24) end,
  }),
  command = strict("command", {}),
  fs = strict("fs", { pathSeparator = "/", joinPath = function(...) return table.concat({ ... }, "/") end }),
  transaction = transaction,
  refresh = function() end,
  undo = undo,
})
app.command.CanvasSize = function(by)
  assert(by.ui == false, "a script does not open the dialog")
  local sprite = app.activeSprite
  sprite.width, sprite.height = sprite.width + by.left + by.right, sprite.height + by.top + by.bottom
  for _, layer in ipairs(sprite.layers) do
    for _, cel in pairs(layer.cels_by_frame) do cel.position = Point(cel.position.x + by.left, cel.position.y + by.top) end
  end
end

local DialogMethods = {}
for _, kind in ipairs({ "combobox", "entry", "slider", "check", "button", "number", "label" }) do
  DialogMethods[kind] = function(self, widget)
    self.widgets[widget.id], widget.enabled, widget.visible = widget, true, widget.visible ~= false
    self.data[widget.id] = widget.option or widget.value or widget.text
    if kind == "combobox" then self.data[widget.id] = widget.option or widget.options[1] end
    if kind == "number" then self.data[widget.id] = tonumber(widget.text) end
    if kind == "check" then self.data[widget.id] = widget.selected or false end
    return self
  end
end
function DialogMethods:newrow() return self end
function DialogMethods:show(options) assert(options.wait == false, "the editor is not blocked") end
function DialogMethods:modify(change)
  local widget = assert(self.widgets[change.id], "no widget " .. change.id)
  for key, value in pairs(change) do widget[key] = value end
  if change.options then self.data[change.id] = change.option or change.options[1] end
end
function _G.Dialog(options)
  local dialog = setmetatable({ options = options, widgets = {}, data = {} }, { __index = DialogMethods })
  stand_in.dialogs[#stand_in.dialogs + 1] = dialog
  return dialog
end

-- A WebSocket whose other end is the test, over the standard streams, a line for each event.
local SocketMethods = {}
function SocketMethods:connect() print("CONNECT " .. self.url) end
function SocketMethods:sendText(text) print("TEXT " .. text) end
function SocketMethods:close() print("CLOSE") end
function _G.WebSocket(options)
  stand_in.socket = setmetatable(options, { __index = SocketMethods })
  return stand_in.socket
end

-- Hand the next event from the test to the extension.
function stand_in.pump()
  local line = assert(io.read("L"), "the test has ended"):sub(1, -2)
  local kind, text = line:match("^(%u+) ?(.*)$")
  stand_in.socket.onreceive(WebSocketMessageType[kind], text)
end

function os.execute(line) stand_in.executed[#stand_in.executed + 1] = line end

return stand_in
