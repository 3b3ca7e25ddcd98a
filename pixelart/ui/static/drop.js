// Hands the bytes of a file that was dropped or chosen to Python, which looks at them.

const drop = element.querySelector(".drop"), input = element.querySelector("input"), what = element.querySelector(".what");

async function take(file) {
  if (!file) return;
  const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1) + " MiB";
  if (file.size > MOST_BYTES) {
    what.textContent = file.name + " is " + mebibytes(file.size) + "; the limit is " + mebibytes(MOST_BYTES) + ".";
    return;
  }
  what.textContent = file.name + ", " + mebibytes(file.size);
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(file);
  });
  trigger("upload", { name: file.name, data: url.slice(url.indexOf(",") + 1) });
}

drop.addEventListener("click", () => input.click());
drop.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  input.click();
});
input.addEventListener("click", (event) => event.stopPropagation());
input.addEventListener("change", () => { take(input.files[0]); input.value = ""; });
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); });
