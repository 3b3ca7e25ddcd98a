// Elements of the tab History.

export const made = (tag, properties, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// A picture at a whole factor, or shrunk if it is larger than the room.
export function imageOf(url, [width, height], room) {
  const fit = room / Math.max(width, height, 1), times = fit >= 1 ? Math.floor(fit) : fit;
  const image = made("img", { src: url, alt: "", draggable: false });
  Object.assign(image.style, { width: width * times + "px", height: height * times + "px" });
  return image;
}
