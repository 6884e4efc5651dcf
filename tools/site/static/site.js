// A 3-D view lies in a template beside its picture, until somebody asks for it. Only then is 3Dmol.js fetched.
const home = document.documentElement.dataset.content_root;

function bring3Dmol() {
  window.$3Dmolpromise ??= new Promise((arrived, lost) => {
    const script = document.createElement("script");
    Object.assign(script, { src: `${home}_static/3Dmol-min.js`, onload: arrived, onerror: lost });
    document.head.append(script);
  });
  return window.$3Dmolpromise;
}

for (const place of document.querySelectorAll(".in-3d")) {
  const button = place.querySelector("button"), picture = place.querySelector(".picture");
  button.onclick = () => {
    button.disabled = true;
    button.textContent = "One moment …";
    bring3Dmol();
    place.append(place.querySelector("template").content.cloneNode(true)); // its scripts run now
    window.$3Dmolpromise.then(
      () => { picture.remove(); button.remove(); },
      () => { button.textContent = "3-D is not to be had here"; });
  };
}
