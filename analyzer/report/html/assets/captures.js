// The list of captures: sends one to the program that serves the page.

const upload = document.getElementById("upload");
const said = upload.querySelector("[role=status]");
upload.hidden = false;
upload.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = upload.elements.file.files[0], button = upload.querySelector("button");
  button.disabled = true;
  said.textContent = "Sending " + file.name + " …";
  try {
    const answer = await fetch("/uploads?name=" + encodeURIComponent(file.name), { method: "POST", body: file });
    const text = await answer.text();
    if (answer.ok) location.href = text;
    else said.textContent = text;
  } catch {
    said.textContent = "It could not be sent: the program has broken off, or is not there any more.";
  }
  button.disabled = false;
});
