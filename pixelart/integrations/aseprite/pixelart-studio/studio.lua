-- Bytes, colours and boxes, without Aseprite's API.

local studio = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local VALUES = {}
for i = 1, #ALPHABET do VALUES[ALPHABET:byte(i)] = i - 1 end

function studio.base64(data)
  local parts = {}
  for i = 1, #data, 3 do
    local a, b, c = data:byte(i, i + 2)
    local n = (a << 16) | ((b or 0) << 8) | (c or 0)
    local text = ""
    for shift = 18, 0, -6 do
      local place = ((n >> shift) & 63) + 1
      text = text .. ALPHABET:sub(place, place)
    end
    if not b then text = text:sub(1, 2) .. "==" elseif not c then text = text:sub(1, 3) .. "=" end
    parts[#parts + 1] = text
  end
  return table.concat(parts)
end

-- The bytes of base64 text as a table of numbers.
function studio.bytes(text)
  local found, held, bits = {}, 0, 0
  for i = 1, #text do
    local value = VALUES[text:byte(i)]
    if value then
      held, bits = ((held << 6) | value) & 0xFFFF, bits + 6
      if bits >= 8 then
        bits = bits - 8
        found[#found + 1] = (held >> bits) & 255
      end
    end
  end
  return found
end

local CRC = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = (c & 1 == 1) and (0xEDB88320 ~ (c >> 1)) or (c >> 1) end
  CRC[i] = c
end

local function crc32(data)
  local c = 0xFFFFFFFF
  for i = 1, #data do c = CRC[(c ~ data:byte(i)) & 255] ~ (c >> 8) end
  return c ~ 0xFFFFFFFF
end

local function adler32(data)
  local a, b = 1, 0
  for i = 1, #data do
    a = (a + data:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return (b << 16) | a
end

local function chunk(kind, data)
  return string.pack(">I4", #data) .. kind .. data .. string.pack(">I4", crc32(kind .. data))
end

local BYTES_OF_TYPE = { [0] = 1, [6] = 4 } -- grey, RGBA

-- A PNG file of bytes (a string) of a type of pixels, without compression.
local function png(width, height, bytes, kind)
  local row = BYTES_OF_TYPE[kind] * width
  assert(#bytes == row * height, "not the bytes of a picture of this size")
  local rows = {}
  for y = 0, height - 1 do rows[#rows + 1] = "\0" .. bytes:sub(row * y + 1, row * (y + 1)) end
  local data = table.concat(rows)
  local blocks, most = {}, 65535
  for start = 1, #data, most do
    local part = data:sub(start, start + most - 1)
    local last = start + most > #data and 1 or 0
    blocks[#blocks + 1] = string.pack("<I1I2I2", last, #part, #part ~ 0xFFFF) .. part
  end
  local packed = "\x78\x01" .. table.concat(blocks) .. string.pack(">I4", adler32(data))
  local header = string.pack(">I4I4I1I1I1I1I1", width, height, 8, kind, 0, 0, 0)
  return "\x89PNG\r\n\x1a\n" .. chunk("IHDR", header) .. chunk("IDAT", packed) .. chunk("IEND", "")
end

function studio.png(width, height, rgba) return png(width, height, rgba, 6) end

-- A PNG file for a box: white where chosen(x, y), black elsewhere.
function studio.mask(box, chosen)
  local parts = {}
  for y = box.y, box.y + box.height - 1 do
    for x = box.x, box.x + box.width - 1 do parts[#parts + 1] = chosen(x, y) and "\255" or "\0" end
  end
  return png(box.width, box.height, table.concat(parts), 0)
end

local function box_of(x, y, width, height) return { x = x, y = y, width = width, height = height } end
studio.box = box_of

-- The part of a box that lies on a canvas of this size.
function studio.within(box, width, height)
  local left, top = math.max(box.x, 0), math.max(box.y, 0)
  local right, bottom = math.min(box.x + box.width, width), math.min(box.y + box.height, height)
  return box_of(left, top, math.max(0, right - left), math.max(0, bottom - top))
end

-- Everything that a model can see of a selection.
function studio.region(box, width, height, model)
  local grown = box_of(box.x - model.width, box.y - model.height, box.width + 2 * model.width,
    box.height + 2 * model.height)
  return studio.within(grown, width, height)
end

-- The strip along a side of the canvas that is sent for its extension, two models deep.
function studio.strip(side, width, height, model)
  local across, down = math.min(width, 2 * model.width), math.min(height, 2 * model.height)
  if side == "left" then return box_of(0, 0, across, height) end
  if side == "right" then return box_of(width - across, 0, across, height) end
  if side == "up" then return box_of(0, 0, width, down) end
  return box_of(0, height - down, width, down)
end

function studio.hex(r, g, b) return string.format("%02x%02x%02x", r, g, b) end

-- The distinct opaque colours of a palette: a list of { index, r, g, b, a }. `skip`: the transparent index, or nil.
-- Returns the colours as text, and text -> the first index that has the colour.
function studio.palette(colours, skip)
  local texts, index_of = {}, {}
  for _, colour in ipairs(colours) do
    local text = studio.hex(colour.r, colour.g, colour.b)
    if colour.index ~= skip and colour.a == 255 and not index_of[text] then
      texts[#texts + 1], index_of[text] = text, colour.index
    end
  end
  return texts, index_of
end

return studio
