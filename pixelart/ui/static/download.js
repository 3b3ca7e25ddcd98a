// Saves {name, type, data: base64} as a file of the visitor.
watch("value", () => {
  if (!props.value?.data) return;
  const bytes = Uint8Array.from(atob(props.value.data), (c) => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: props.value.type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: props.value.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
});
