// Sends the bytes of a dropped or chosen file to Python, which checks them.

const drop = element.querySelector(".drop"), input = element.querySelector("input"), what = element.querySelector(".what");
let newest = 0;  // of the files that are read here, the only one that is sent

const say = (text) => { what.textContent = text; };
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1) + " MiB";

function take(files, folder) {
  const mine = ++newest;
  const [file] = files;
  if (folder) return say("A folder cannot be sent; pack " + folder + " into a .zip.");
  if (!file) return say("That is not a file; drop a .zip of pictures.");
  if (files.length > 1) return say(files.length + " files cannot be sent; pack them into one .zip.");
  if (file.size > MOST_BYTES) return say(file.name + " is " + mebibytes(file.size) + "; the limit is " + mebibytes(MOST_BYTES) + ".");
  say(file.name + ", " + mebibytes(file.size));
  const reader = new FileReader();
  reader.onerror = () => { if (mine === newest) say(file.name + " cannot be read."); };
  reader.onload = () => {
    if (mine === newest) trigger("upload", { name: file.name, data: reader.result.slice(reader.result.indexOf(",") + 1) });
  };
  reader.readAsDataURL(file);
}

function folderIn(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.());
  return entries.find((entry) => entry?.isDirectory)?.name;
}

drop.addEventListener("click", () => input.click());
drop.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  input.click();
});
input.addEventListener("click", (event) => event.stopPropagation());
input.addEventListener("change", () => { if (input.files.length) take([...input.files]); input.value = ""; });
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  take([...event.dataTransfer.files], folderIn(event.dataTransfer.items));
});
