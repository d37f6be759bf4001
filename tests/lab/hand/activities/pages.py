"""The pages of the lab's site: what a web application's script sends and hears while a person works in it.

Each page is a few lines of script that make the browser talk as such applications do. ``ready`` in the title says that
the page has its field in focus.
"""

from __future__ import annotations

_FRAME = (
    "<!doctype html><meta charset=utf-8><title>desk</title><body style='font:16px sans-serif;overflow:hidden'>{}</body>"
)
_FIELD = "<textarea id=field style='width:97vw;height:85vh' autofocus></textarea><pre id=out></pre>"
_HEAD = """<script>
const field = document.getElementById('field'), out = document.getElementById('out');
const show = text => { if (out) out.textContent = text.slice(0, 2000); };
if (field) { field.focus(); addEventListener('mouseup', () => setTimeout(() => field.focus(), 1)); }
const socket = path => new WebSocket('wss://' + location.host + path);
"""

SEARCH = (
    _FIELD
    + _HEAD
    + """
field.addEventListener('input', async () => {
  const words = field.value.split(/\\s+/);
  const answer = await fetch('/search?q=' + encodeURIComponent(words.slice(-3).join(' ')));
  show(await answer.text());
});
</script>"""
)
"""Search as you type: a request for each key, a list of suggestions back."""

CHAT = (
    _FIELD
    + _HEAD
    + """
const chat = socket('/ws/chat');
const say = what => { if (chat.readyState == 1) chat.send(JSON.stringify(what)); };
chat.onmessage = event => {
  const what = JSON.parse(event.data);
  show(event.data);
  if (what.kind == 'message') say({kind: 'seen', id: what.id});
};
let last = 0;
field.addEventListener('input', event => {
  if (field.value.endsWith('\\n')) { say({kind: 'message', text: field.value}); field.value = ''; }
  else say({kind: 'typing', length: field.value.length});
});
setInterval(() => say({kind: 'presence', active: true}), 7000);
</script>"""
)
"""Chat: a message for each key (somebody is typing), presence, receipts for what the partner writes."""

MAIL = (
    _FIELD
    + _HEAD
    + """
let later = 0, saved = '';
const save = async () => {
  if (field.value == saved) return;
  saved = field.value;
  await fetch('/save', {method: 'POST', body: JSON.stringify({subject: 'notes', text: saved})});
};
field.addEventListener('input', () => { clearTimeout(later); later = setTimeout(save, 1200); });
setInterval(save, 5000);
setInterval(async () => show(await (await fetch('/inbox')).text()), 11000);
</script>"""
)
"""Web mail: the draft saved after each pause and every five seconds, the inbox asked for every eleven."""

EDIT = (
    _FIELD
    + _HEAD
    + """
const shared = socket('/ws/edit');
let revision = 0;
shared.onmessage = event => {
  const what = JSON.parse(event.data);
  if (what.kind == 'edit') {
    revision = what.revision;
    show('other: ' + what.at + ' ' + what.text);
    shared.send(JSON.stringify({kind: 'cursor', at: field.selectionStart, revision}));
  }
};
field.addEventListener('input', event => {
  if (shared.readyState == 1)
    shared.send(JSON.stringify({kind: 'edit', at: field.selectionStart, text: event.data, revision}));
});
</script>"""
)
"""A shared document: own keys go out and are acknowledged, the co-author's keys come in and the caret is reported."""

WATCH_EDIT = EDIT.replace("field.addEventListener", "const idle = (...rest) => rest; idle")
"""The same document, only read: keys come in and each brings a small answer, nothing is typed here."""

POLL = (
    _FIELD
    + _HEAD
    + """
const listen = async after => {
  for (;;) {
    const answer = await (await fetch('/poll?after=' + after)).json();
    after = answer.after;
    show(JSON.stringify(answer));
  }
};
setTimeout(() => listen(0), 300);
</script>"""
)
"""Long polling: the partner's keys come in one by one, and each answer brings the next question at once."""

TICKER = (
    "<pre id=out></pre>"
    + _HEAD
    + """
let seen = 0;
socket('/ws/ticker').onmessage = event => { if (++seen % 40 == 0) show(event.data); };
</script>"""
)
"""Market data: many small messages in, none out."""

NEWS = (
    "<div id=list></div>"
    + _HEAD
    + """
new EventSource('/events').onmessage = event => show(event.data);
</script>"""
)
"""Server-sent events: a one-way stream of small notices."""

BOARD = (
    "<svg id=board width=880 height=560 style='background:#eee'></svg>"
    + _HEAD
    + """
const shared = socket('/ws/board'), board = document.getElementById('board'), cursors = {};
const say = what => { if (shared.readyState == 1) shared.send(JSON.stringify(what)); };
let heard = 0, snapshot = 0, last = 0, marks = '';
const keep = () => {
  clearTimeout(snapshot);
  snapshot = setTimeout(() => fetch('/save', {method: 'POST', body: board.innerHTML + 'x'.repeat(9000)}), 900);
};
shared.onmessage = event => {
  const what = JSON.parse(event.data);
  if (what.kind == 'cursor') board.innerHTML = marks + `<circle cx=${what.x} cy=${what.y} r=7 fill=tomato />`;
  else { marks += `<rect x=${what.x || 40} y=${what.y || 40} width=9 height=9 />`; keep(); }
  if (++heard % 12 == 0) say({kind: 'heard', count: heard});
};
addEventListener('mousemove', event => {
  if (event.timeStamp - last < 33) return;
  last = event.timeStamp;
  say({kind: 'cursor', x: event.clientX, y: event.clientY});
});
addEventListener('keydown', () => { say({kind: 'draw', text: 'k'}); keep(); });
</script>"""
)
"""A shared whiteboard: another's pointer and keys come in, own ones go out, changes are saved as a picture."""

REPLAY = (
    _FIELD
    + _HEAD
    + """
const batch = [];
for (const kind of ['mousemove', 'keydown', 'keyup', 'click', 'input', 'wheel'])
  addEventListener(kind, event => batch.push({kind, at: event.timeStamp, x: event.clientX, y: event.clientY}));
setInterval(() => {
  if (batch.length) fetch('/collect', {method: 'POST', body: JSON.stringify(batch.splice(0))});
}, 1000);
</script>"""
)
"""A page that reports how it is used, as analytics that replay sessions do: a batch of events a second."""

TERMINAL = (
    "<textarea id=field style='width:97vw;height:40vh' autofocus></textarea><pre id=out></pre>"
    + _HEAD
    + """
const shell = socket('/ws/terminal');
shell.onmessage = event => show(out.textContent.slice(-1500) + event.data);
field.addEventListener('keydown', event => {
  if (shell.readyState == 1) shell.send(event.key);
  event.preventDefault();
});
</script>"""
)
"""A terminal in the browser: each key goes out, its echo comes in, and the end of a line brings output."""

READ = """<div id=list></div><script>
const names = NAMES, number = +(new URLSearchParams(location.search).get('n') || 0);
let random = number * 7919 + 17;
const next = () => (random = (random * 1103515245 + 12345) % 2147483648) / 2147483648;
for (let at = 0; at < 9; at++) {
  const host = names ? 'https://h' + Math.floor(next() * 400) + '.papertrade.example' : '';
  document.getElementById('list').innerHTML += '<img width=60 src="' + host + '/blob/' + number + '-' + at + '.jpg">';
}
setTimeout(() => location.search = '?n=' + (number + 1), 3000 + 7000 * next());
</script>"""
"""Reading: page after page with pictures, a few seconds each; ``NAMES`` says whether each picture has its own host."""

PAGES = {
    name: _FRAME.format(body)
    for name, body in {
        "search": SEARCH, "chat": CHAT, "mail": MAIL, "edit": EDIT, "watch-edit": WATCH_EDIT, "poll": POLL,
        "board": BOARD, "replay": REPLAY, "terminal": TERMINAL, "ticker": TICKER, "news": NEWS,
        "read": READ.replace("NAMES", "false"), "names": READ.replace("NAMES", "true"),
    }.items()
}  # fmt: skip
"""Pages by name."""
