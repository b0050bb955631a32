"""The page at `/` of an index's server: a search box over the API that programs use. It needs no other file."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Caption index</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
  body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
  form { display: flex; gap: .5rem; }
  input { flex: 1; font: inherit; padding: .5rem .7rem; }
  button { font: inherit; padding: .5rem 1rem; }
  #found { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; margin-top: 1rem; }
  figure { margin: 0; }
  img { width: 100%; height: 9rem; object-fit: contain; background: #8882; border-radius: .3rem; }
  figcaption { font-size: .8rem; overflow-wrap: anywhere; }
  small, #said { opacity: .75; }
</style>
<h1>Caption index</h1>
<form>
  <input name="q" type="search" placeholder="dog, perro, 狗 …" aria-label="Words of a caption" autofocus>
  <button>Search</button>
</form>
<p id="said" role="status"></p>
<div id="found"></div>
<p><button id="more" hidden>More</button></p>
<p><small>Programs ask <a href="/v1/images/?q=dog">/v1/images/?q=dog</a>, which answers as Openverse does;
<a href="/stats">/stats</a> counts requests.</small></p>
<script>
  const found = document.getElementById("found"), said = document.getElementById("said");
  const more = document.getElementById("more"), form = document.querySelector("form");
  let page = 1, asked = 0;
  function figure(item) {
    const figure = document.createElement("figure"), link = document.createElement("a");
    const picture = document.createElement("img"), caption = document.createElement("figcaption");
    link.href = item.foreign_landing_url;
    picture.src = item.url; picture.alt = item.title || ""; picture.loading = "lazy";
    caption.textContent = [item.title, item.creator, item.license].filter(Boolean).join(" · ");
    link.append(picture); figure.append(link, caption);
    return figure;
  }
  async function ask() {
    const turn = ++asked, text = form.q.value.trim();
    const answer = await fetch("/v1/images/?" + new URLSearchParams({q: text, page}));
    const body = await answer.json();
    if (turn !== asked) return;
    if (!answer.ok) { said.textContent = JSON.stringify(body.detail); return; }
    if (page === 1) found.replaceChildren();
    found.append(...body.results.map(figure));
    const count = body.result_count >= 240 ? "240 or more pictures" : body.result_count + " pictures";
    if (page === 1) said.textContent = text ? count : count + " in all";
    more.hidden = page >= body.page_count;
  }
  form.addEventListener("submit", event => { event.preventDefault(); page = 1; ask(); });
  more.addEventListener("click", () => { page += 1; ask(); });
  ask();
</script>
</html>
"""
