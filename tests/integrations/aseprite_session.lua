-- Runs the extension in the stand-in: reads a task (JSON, one line), presses its buttons, and prints all cels.

local here, extension = arg[1], arg[2]
local stand_in = dofile(here .. "/aseprite_stand_in.lua")
local plain_dofile = dofile
function dofile(path) return plain_dofile((path:gsub("^%./", extension .. "/"))) end

local task = json.decode(io.read("L"))
local mode = ColorMode[task.mode]
local sprite = stand_in.sprite(task.width, task.height, mode, task.palette, task.transparent)
local layer = sprite:newLayer()
layer.name, layer.isContinuous = "Sprite", true
if task.has_events == false then sprite.events = nil end
local image = Image(task.cel.width, task.cel.height, mode)
for i, value in ipairs(task.pixels) do image.data[i - 1] = value end
sprite:newCel(layer, 1, image, Point(task.cel.x, task.cel.y))
app.activeSprite, app.activeLayer = sprite, layer

local function select_pixels(selected)
  local left, top, right, bottom = math.huge, math.huge, -1, -1
  for i, chosen in ipairs(selected) do
    local x, y = (i - 1) % task.width, (i - 1) // task.width
    if chosen == 1 then left, top, right, bottom = math.min(left, x), math.min(top, y), math.max(right, x), math.max(bottom, y) end
  end
  if right < 0 then return end
  sprite.selection = { bounds = { x = left, y = top, width = right - left + 1, height = bottom - top + 1 },
    contains = function(_, x, y) return selected[y * task.width + x + 1] == 1 end }
end
select_pixels(task.selection)

dofile("./main.lua")
local plugin = { path = task.plugin_path or extension, preferences = {} }
function plugin:newCommand(command) stand_in.commands[command.id] = command end
init(plugin)
stand_in.commands.PixelArtStudio.onclick()
local dialog = stand_in.dialogs[1]

local function wait()
  while dialog.widgets.cancel.enabled do stand_in.pump() end
end

-- What happens besides: events of the connection, time, and the artist's own steps.
local now = os.time()
function os.time() return now end
local others = {
  WAIT = wait,
  LATER = function() now = now + 1000 end,
  CLOSE = function() stand_in.socket.onreceive(WebSocketMessageType.CLOSE, "") end,
  OPEN = function() stand_in.socket.onreceive(WebSocketMessageType.OPEN, "") end,
  UNDO = app.undo,
  PAINT = function() app.transaction(function() layer.cels_by_frame[1].image:drawPixel(0, 0, task.paint) end) end,
  OPEN_OTHER = function() app.activeSprite = stand_in.sprite(3, 3, mode, task.palette, task.transparent) end,
  RESIZE = function() sprite.width = sprite.width + 1 end,
  DELETE_OWN = function() sprite:deleteLayer(layer) end,
  CLEAR = function() layer.cels_by_frame[1] = nil end,
  DELETE = function() app.transaction(function() sprite:deleteLayer(sprite.layers[#sprite.layers]) end) end,
}

local statuses, usable = {}, {}
wait()
for key, value in pairs(task.values) do dialog.data[key] = value end
for _, choice in ipairs(task.choices or {}) do -- as an artist chooses in a list, one after another
  dialog.data[choice[1]] = choice[2]
  local changed = dialog.widgets[choice[1]].onchange
  if changed then changed() end
end
local lists = {}
for _, id in ipairs({ "class_name", "look", "kind" }) do
  if dialog.widgets[id].visible then lists[id] = dialog.widgets[id].options end
end
for _, button in ipairs(task.press) do
  local widget = dialog.widgets[button]
  if others[button] then
    others[button]()
  elseif widget.enabled and widget.visible then
    widget.onclick()
    if task.meanwhile then others[task.meanwhile]() end -- before the app's answers come
    if task.cancels and button ~= "cancel" then dialog.widgets.cancel.onclick() end
    if button ~= "start" then wait() end
  end
  statuses[#statuses + 1] = dialog.widgets.status.text
  local on = {}
  for _, id in ipairs({ "complete", "next", "keep", "again", "start" }) do
    if dialog.widgets[id].enabled and dialog.widgets[id].visible then on[#on + 1] = id end
  end
  usable[#usable + 1] = on
end

local cels = {}
for _, each in ipairs(sprite.layers) do
  for frame = 1, sprite.frame_count do
    local cel = each.cels_by_frame[frame]
    if cel then
      local pixels = {}
      for i = 0, cel.image.width * cel.image.height - 1 do pixels[i + 1] = cel.image.data[i] end
      cels[#cels + 1] = { layer = each.name, visible = each.isVisible, frame = frame, x = cel.position.x,
        y = cel.position.y, width = cel.image.width, height = cel.image.height, pixels = pixels }
    end
  end
end
local groups = {}
for _, each in ipairs(sprite.layers) do if each.isGroup then groups[#groups + 1] = each.name end end
print("RESULT " .. json.encode({ cels = cels, groups = groups, statuses = statuses, lists = lists, width = sprite.width,
  height = sprite.height, usable = usable, executed = stand_in.executed,
  undone = stand_in.undone, address = plugin.preferences.address }))
