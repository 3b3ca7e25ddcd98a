-- Pixel Art Studio in Aseprite: the selection is the mask, the sprite's palette is the palette.
--
-- It asks the app on this computer over a WebSocket (docs/editors.md of the app), so Aseprite is never blocked. Results
-- are layers or frames; the artist's own cel is never changed.

local studio = dofile("./studio.lua")

local ADDRESS = "ws://127.0.0.1:7860/editor"
local ANY = { class_name = "Any class", look = "Any look", kind = "Any kind" } -- the first entry of each list
local SIDES = { "right", "left", "up", "down" }
local CLOSED = "The app does not answer. Start it, or change the address."
local STARTING, START_SECONDS = "The app is starting ...", 120
local GONE = "The results are gone."
local MOST_SEED, MOST_SIDE = 2147483647, 1024 -- of what the app takes

local dialog, socket, plugin_path, preferences
local is_open, is_busy, waiting = false, false, nil -- waiting: the text to send as soon as the connection is open
local models, finish, again, shown = {}, nil, nil, nil
local placed -- the sprite whose newest step of Undo are the results
local covered -- { group, layer }: the results, and the layer that is hidden meanwhile
local watched -- the sprite whose changes are noticed
local starts_until = 0 -- until when a started app may take to answer

local function say(text) dialog:modify { id = "status", text = text } end

local function refuse(text) error({ told = text }, 0) end

local function show_state()
  local has_models = #models > 0
  for _, id in ipairs({ "complete", "draw", "extend" }) do
    dialog:modify { id = id, enabled = has_models and not is_busy }
  end
  dialog:modify { id = "again", enabled = again ~= nil and not is_busy }
  dialog:modify { id = "next", enabled = shown ~= nil and not is_busy }
  dialog:modify { id = "keep", enabled = shown ~= nil and not is_busy }
  dialog:modify { id = "cancel", enabled = is_busy }
  dialog:modify { id = "start", visible = not has_models, enabled = os.time() >= starts_until }
end

-- Run a step; what is not possible becomes a line of the dialog.
local function attempt(step, ...)
  local ok, reason = pcall(step, ...)
  if not ok then say(type(reason) == "table" and reason.told or tostring(reason)) end
  show_state()
  return ok
end

local function ask(message, then_do)
  finish, is_busy = then_do, true
  local text = json.encode(message)
  if is_open then
    socket:sendText(text)
  else
    waiting = text
    socket:connect()
  end
end

local function answered(answer)
  if answer.progress then
    say(string.format("%d of %d rows", answer.progress.done, answer.progress.rows))
  elseif answer.waiting then
    say("Waiting")
  else
    is_busy = false
    local done = finish
    finish = nil
    if answer.error then say(answer.error)
    elseif answer.cancelled then say("Cancelled.")
    elseif done then attempt(done, answer) end
  end
  show_state()
end

local find_models

local function received(kind, data)
  if kind == WebSocketMessageType.OPEN then
    is_open = true
    if waiting then
      socket:sendText(waiting)
      waiting = nil
    elseif #models == 0 then
      find_models()
    end
  elseif kind == WebSocketMessageType.TEXT then
    answered(json.decode(data))
  elseif kind == WebSocketMessageType.CLOSE then
    is_open, models = false, {}
    local text = os.time() < starts_until and STARTING or CLOSED
    if is_busy and not waiting then answered({ error = text }) else say(text) end
  end
  show_state()
end

local function disconnect()
  local old = socket
  socket = nil -- first, because closing it is an event, too
  if old then old:close() end
end

local function connect()
  disconnect()
  is_open, is_busy, waiting = false, false, nil
  preferences.address = dialog.data.address
  local this
  this = WebSocket { url = dialog.data.address, deflate = false, minreconnectwait = 1, maxreconnectwait = 3,
    onreceive = function(kind, data) if this == socket then received(kind, data) end end }
  socket = this
end

local function model()
  for i = 1, #models do
    if models[i].name == dialog.data.model then return models[i] end
  end
  refuse("Start the app to draw.")
end

local function texts(list, first)
  local found = first and { first } or {}
  for i = 1, #list do found[#found + 1] = list[i] end
  return found
end

-- Offer names; the chosen one stays if it is among them.
local function fill(id, options, usual, visible)
  local option = usual
  for i = 1, #options do
    if options[i] == dialog.data[id] then option = options[i] end
  end
  dialog:modify { id = id, options = options, option = option, visible = visible }
end

-- Offer names after the entry for any; without names the list is hidden.
local function offer(id, names) fill(id, texts(names, ANY[id]), ANY[id], #names > 0) end

local function show_kinds() offer("kind", model().kinds[dialog.data.class_name] or {}) end

local function show_model()
  local chosen = model()
  offer("class_name", chosen.classes)
  offer("look", chosen.looks)
  show_kinds()
  fill("preset", texts(chosen.presets), "balanced", true)
end

local function chosen_name(id) return dialog.data[id] ~= ANY[id] and dialog.data[id] or "" end

function find_models()
  ask({ action = "models" }, function(answer)
    models, starts_until = {}, 0
    local names = {}
    for i = 1, #answer.models do
      models[i] = answer.models[i]
      names[i] = models[i].name
    end
    if #names == 0 then refuse("No model is installed in the app.") end
    fill("model", names, names[1], true)
    show_model()
    say("")
  end)
end

local function find_app()
  connect()
  find_models()
end

-- The active cel as it is now: its sprite, layer, frame, and how to read and write its pixels.
local function site()
  local sprite, layer = app.activeSprite, app.activeLayer
  if not sprite then refuse("Open a sprite first.") end
  if not layer or not layer.isImage or layer.isReference then refuse("Choose a layer with pixels first.") end
  local mode = sprite.colorMode
  if mode ~= ColorMode.RGB and mode ~= ColorMode.INDEXED then
    refuse("The sprite must be RGB or indexed: Sprite > Color Mode.")
  end
  local frame = app.activeFrame
  local number = type(frame) == "number" and frame or frame.frameNumber
  local here = { sprite = sprite, layer = layer, frame = number, cel = layer:cel(number), mode = mode,
    width = sprite.width, height = sprite.height }
  here.nothing = mode == ColorMode.INDEXED and sprite.transparentColor or 0
  local palette, colours = sprite.palettes[1], {}
  for index = 0, #palette - 1 do
    local colour = palette:getColor(index)
    colours[#colours + 1] = { index = index, r = colour.red, g = colour.green, b = colour.blue, a = colour.alpha }
  end
  here.colours = colours
  here.palette, here.index_of = studio.palette(colours, mode == ColorMode.INDEXED and sprite.transparentColor or nil)
  return here
end

local function pixel_at(here, x, y)
  local cel = here.cel
  if not cel then return here.nothing end
  local column, row = x - cel.position.x, y - cel.position.y
  local inside = column >= 0 and row >= 0 and column < cel.image.width and row < cel.image.height
  return inside and cel.image:getPixel(column, row) or here.nothing
end

local function rgba_at(here, x, y)
  local value = pixel_at(here, x, y)
  if here.mode == ColorMode.RGB then
    local pc = app.pixelColor
    return string.char(pc.rgbaR(value), pc.rgbaG(value), pc.rgbaB(value), pc.rgbaA(value))
  end
  if value == here.nothing and not here.layer.isBackground then return "\0\0\0\0" end
  local colour = here.colours[value + 1]
  return colour and string.char(colour.r, colour.g, colour.b, colour.a) or "\0\0\0\0"
end

local function picture(here, box)
  if math.max(box.width, box.height) > MOST_SIDE then
    refuse(string.format("The app takes at most %d pixels a side; this is %d x %d.", MOST_SIDE, box.width, box.height))
  end
  local parts = {}
  for y = box.y, box.y + box.height - 1 do
    for x = box.x, box.x + box.width - 1 do parts[#parts + 1] = rgba_at(here, x, y) end
  end
  return studio.base64(studio.png(box.width, box.height, table.concat(parts)))
end

local function value_of(here, r, g, b, a)
  if here.mode == ColorMode.RGB then return app.pixelColor.rgba(r, g, b, a) end
  if a == 0 then return here.nothing end
  return here.index_of[studio.hex(r, g, b)] or refuse("The app has drawn a colour that the palette lacks.")
end

local function controls(here, seed)
  local data = dialog.data
  local message = {
    model = data.model, class_name = chosen_name("class_name"), look = chosen_name("look"), kind = chosen_name("kind"),
    preset = data.preset, images = math.floor(data.images), seed = seed, raw = true,
  }
  if here.mode == ColorMode.INDEXED or data.own_colours then
    if #here.palette < 2 then refuse("The palette needs at least two opaque colours.") end
    message.palette = here.palette
  end
  return message
end

-- An image of the whole canvas: the own pixels, moved by (left, up), and the drawn ones where drawn(x, y).
local function whole_image(here, size, moved, box, bytes, drawn, keeps_own)
  local image = Image(size.width, size.height, here.mode)
  for y = 0, size.height - 1 do
    for x = 0, size.width - 1 do
      local value = keeps_own and pixel_at(here, x - moved.x, y - moved.y) or here.nothing
      local column, row = x - box.x, y - box.y
      if column >= 0 and row >= 0 and column < box.width and row < box.height and drawn(x, y) then
        local place = 4 * (row * box.width + column)
        value = value_of(here, bytes[place + 1], bytes[place + 2], bytes[place + 3], bytes[place + 4])
      end
      image:drawPixel(x, y, value)
    end
  end
  return image
end

local function put_image(here, layer, frame, image)
  local cel = layer:cel(frame)
  if cel then
    cel.image = image
    cel.position = Point(0, 0)
  else
    here.sprite:newCel(layer, frame, image, Point(0, 0))
  end
end

-- Whether Aseprite still has a layer or a sprite: it raises an error for one that was undone, deleted or closed.
local function exists(object, property)
  return object ~= nil and pcall(function() return object[property] end)
end

-- Show the hidden layer again if its results are gone: Aseprite's Undo does not do it.
local function uncover()
  if covered and not exists(covered.group, "name") then
    if exists(covered.layer, "name") then covered.layer.isVisible = true end
    covered = nil
  end
  if shown and not exists(shown.group, "name") then shown = nil end
end

-- A step of Undo was added, undone or redone.
local function changed()
  placed = nil
  uncover()
  show_state()
end

local function watch(sprite)
  if not sprite.events or (exists(watched, "width") and watched == sprite) then return end
  if exists(watched, "width") then watched.events:off(changed) end
  watched = sprite
  sprite.events:on("change", changed)
end

local function as_layers(here, images, names, title, stands_for_layer)
  local group = here.sprite:newGroup()
  group.name = "Pixel Art Studio: " .. title
  local layers = {}
  for i, image in ipairs(images) do
    local layer = here.sprite:newLayer()
    layer.name, layer.parent, layer.isVisible = names[i], group, i == 1
    here.sprite:newCel(layer, here.frame, image, Point(0, 0))
    layers[i] = layer
  end
  if stands_for_layer and here.layer.isVisible then
    here.layer.isVisible = false
    covered = { group = group, layer = here.layer }
  end
  shown = { sprite = here.sprite, group = group, layers = layers, number = 1 }
end

local function as_frames(here, images)
  local was_continuous = here.layer.isContinuous
  here.layer.isContinuous = false -- otherwise the new cels would share the own one's image
  for i = #images, 1, -1 do
    local frame = here.sprite:newFrame(here.frame)
    local number = type(frame) == "number" and frame or frame.frameNumber
    put_image(here, here.layer, number == here.frame and number + 1 or number, images[i])
  end
  here.layer.isContinuous = was_continuous
end

-- Go back to the sprite that was sent, as it is now: meanwhile the artist may have changed it, or opened another one.
local function return_to(here)
  if not (exists(here.sprite, "width") and exists(here.layer, "name")) then refuse("The sprite or its layer is gone.") end
  if here.sprite.width ~= here.width or here.sprite.height ~= here.height or here.sprite.colorMode ~= here.mode then
    refuse("The sprite has another size or color mode now; draw again.")
  end
  here.cel = here.layer:cel(here.frame)
  app.activeSprite = here.sprite
end

-- Put the results of an answer on the sprite, as one step of Undo.
local function show(here, answer, box, drawn, how)
  return_to(here)
  local size = { width = here.width, height = here.height }
  local moved = { x = 0, y = 0 }
  if how.side then
    size = { width = size.width + (answer.width - how.sent.width), height = size.height + (answer.height - how.sent.height) }
    moved = { x = answer.left, y = answer.up }
  end
  local images, names = {}, {}
  for i = 1, #answer.results do
    local each = answer.results[i]
    images[i] = whole_image(here, size, moved, box, studio.bytes(each.rgba), drawn, how.stands_for_layer)
    names[i] = string.format("seed %d - %.0f bits", each.seed, each.bits)
  end
  shown = nil
  app.transaction(function()
    if how.side then
      local canvas = { ui = false, left = 0, top = 0, right = 0, bottom = 0 }
      canvas[({ left = "left", right = "right", up = "top", down = "bottom" })[how.side]] = how.pixels
      app.command.CanvasSize(canvas)
    end
    if dialog.data.results == "frames" and how.stands_for_layer then
      as_frames(here, images)
    else
      as_layers(here, images, names, how.title, how.stands_for_layer)
    end
  end)
  watch(here.sprite)
  placed = here.sprite
  app.refresh()
  say("Undo removes the results.")
end

local function complete(seed)
  local here, chosen = site(), model()
  local selection = here.sprite.selection
  local box = studio.within(selection.bounds, here.sprite.width, here.sprite.height)
  if box.width == 0 or box.height == 0 then refuse("Select the pixels to redraw first.") end
  local selected = {} -- now, because the artist may go on selecting
  for y = box.y, box.y + box.height - 1 do
    for x = box.x, box.x + box.width - 1 do selected[y * here.sprite.width + x] = selection:contains(x, y) end
  end
  local width = here.sprite.width
  local function drawn(x, y) return selected[y * width + x] == true end
  local sent = studio.region(box, width, here.sprite.height, chosen)
  local message = controls(here, seed)
  message.action, message.picture = "complete", picture(here, sent)
  message.mask = studio.base64(studio.mask(sent, drawn))
  ask(message, function(answer)
    show(here, answer, sent, drawn, { title = dialog.data.class_name, stands_for_layer = true })
  end)
end

local function draw(seed)
  local here, chosen = site(), model()
  local place = studio.within(here.sprite.selection.bounds, here.sprite.width, here.sprite.height)
  if place.width == 0 or place.height == 0 then place = studio.box(0, 0, here.sprite.width, here.sprite.height) end
  local message = controls(here, seed)
  message.action = "generate"
  local least, most = math.min(place.width, place.height), math.max(place.width, place.height)
  if chosen.any_size and least >= 4 and most <= 64 then message.size = place.width .. "x" .. place.height end
  ask(message, function(answer)
    local box = studio.box(place.x + (place.width - answer.width) // 2, place.y + (place.height - answer.height) // 2,
      answer.width, answer.height)
    show(here, answer, box, function() return true end, { title = dialog.data.class_name, stands_for_layer = false })
  end)
end

local function extend(seed)
  local here, chosen = site(), model()
  local side, pixels = dialog.data.side, math.floor(dialog.data.pixels)
  local sent = studio.strip(side, here.sprite.width, here.sprite.height, chosen)
  local message = controls(here, seed)
  message.action, message.picture, message[side] = "extend", picture(here, sent), pixels
  ask(message, function(answer)
    local box = studio.box(sent.x, sent.y, answer.width, answer.height)
    local function drawn(x, y)
      local column, row = x - box.x - answer.left, y - box.y - answer.up
      return column < 0 or row < 0 or column >= sent.width or row >= sent.height
    end
    show(here, answer, box, drawn,
      { title = dialog.data.class_name, stands_for_layer = true, side = side, pixels = pixels, sent = sent })
  end)
end

local function start(action, seed)
  if is_busy then return end
  seed = seed or math.floor(tonumber(dialog.data.seed) or -1)
  placed = nil
  local next_seed = seed < 0 and -1 or (seed + math.floor(dialog.data.images)) % MOST_SEED
  if attempt(action, seed) then
    again = function()
      local are_newest = exists(placed, "width") and placed == app.activeSprite
      if are_newest and (not shown or exists(shown.group, "name")) then app.undo() end
      uncover()
      start(action, next_seed)
    end
  end
  show_state()
end

local function cancel()
  if is_open then
    socket:sendText('{"action": "cancel"}')
  else
    waiting = nil
    answered({ cancelled = true })
  end
end

-- The results as they are now: the artist may have deleted some.
local function results()
  local layers = {}
  for _, layer in ipairs(shown.layers) do
    if exists(layer, "name") then layers[#layers + 1] = layer end
  end
  if #layers == 0 then
    uncover()
    shown = nil
    refuse(GONE)
  end
  shown.layers, shown.number = layers, math.min(shown.number, #layers)
  return shown
end

local function show_next()
  local found = results()
  found.number = found.number % #found.layers + 1
  for i, layer in ipairs(found.layers) do layer.isVisible = i == found.number end
  say(found.layers[found.number].name)
  app.refresh()
end

local function keep()
  local kept = results()
  shown, placed = nil, nil
  app.transaction(function()
    for i, layer in ipairs(kept.layers) do
      if i ~= kept.number then kept.sprite:deleteLayer(layer) end
    end
  end)
  app.refresh()
end

-- A word of a command line: the shell must read nothing into a path.
local function quoted(word, is_windows)
  return is_windows and '"' .. word .. '"' or "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Start the app without waiting for it. Aseprite asks the artist before it runs a command.
local function start_app()
  local file = io.open(app.fs.joinPath(plugin_path, "app.json"))
  local command = file and json.decode(file:read("a")).start
  if file then file:close() end
  if not command or #command == 0 then
    refuse("Run python -m pixelart install-plugin aseprite once, so that the app can be started from here.")
  end
  local words, is_windows = {}, app.fs.pathSeparator == "\\"
  for i = 1, #command do words[i] = quoted(command[i], is_windows) end
  local line = table.concat(words, " ")
  os.execute(is_windows and 'start "" /B ' .. line or line .. " >/dev/null 2>&1 &")
  starts_until = os.time() + START_SECONDS
  say(STARTING)
  find_app()
end

local function build()
  dialog = Dialog { title = "Pixel Art Studio", onclose = disconnect }
  dialog:combobox { id = "model", label = "Model", options = { "" }, onchange = function() attempt(show_model) end }
  dialog:combobox { id = "class_name", label = "Class", options = { ANY.class_name },
    onchange = function() attempt(show_kinds) end }
  dialog:combobox { id = "look", label = "Look", options = { ANY.look }, visible = false }
  dialog:combobox { id = "kind", label = "Kind", options = { ANY.kind }, visible = false }
  dialog:combobox { id = "preset", label = "Style", options = { "balanced" } }
  dialog:entry { id = "seed", label = "Seed", text = "-1" }
  dialog:slider { id = "images", label = "Images", min = 1, max = 16, value = 4 }
  dialog:combobox { id = "results", label = "Results", options = { "layers", "frames" }, option = "layers" }
  dialog:check { id = "own_colours", text = "Only the sprite's palette" }
  dialog:button { id = "complete", text = "Complete selection", onclick = function() start(complete) end }
  dialog:button { id = "draw", text = "Draw here", onclick = function() start(draw) end }
  dialog:newrow()
  dialog:combobox { id = "side", label = "Extend", options = SIDES, option = SIDES[1] }
  dialog:number { id = "pixels", text = "16", decimals = 0 }
  dialog:button { id = "extend", text = "Extend", onclick = function() start(extend) end }
  dialog:label { id = "status", text = "" }
  dialog:button { id = "cancel", text = "Cancel", onclick = cancel }
  dialog:button { id = "next", text = "Next", onclick = function() attempt(show_next) end }
  dialog:button { id = "keep", text = "Keep this one", onclick = function() attempt(keep) end }
  dialog:button { id = "again", text = "Again", onclick = function() attempt(again) end }
  dialog:entry { id = "address", label = "App", text = preferences.address or ADDRESS }
  dialog:button { id = "find", text = "Connect", onclick = function() attempt(find_app) end }
  dialog:button { id = "start", text = "Start the app", onclick = function() attempt(start_app) end }
end

local function open()
  if not dialog then build() end
  dialog:show { wait = false }
  attempt(find_app)
end

function init(plugin)
  plugin_path, preferences = plugin.path, plugin.preferences
  plugin:newCommand { id = "PixelArtStudio", title = "Pixel Art Studio", group = "edit_insert", onclick = open }
end

function exit()
  disconnect()
end
