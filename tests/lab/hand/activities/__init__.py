"""Work that is not remote control of the laptop, by real programs: what the timing analysis must stay silent about.

Recording all of it takes Debian's rsync, nginx-light, mosquitto, mosquitto-clients, samba, smbclient, snmpd, snmp,
sshfs and prometheus-node-exporter beside what CI installs.
"""

from __future__ import annotations

from tests.lab.hand.activities import calls, lines, messages, serving, shells, transfers
from tests.lab.hand.activities.activity import Activity, together
from tests.lab.hand.activities.browser import browse_many_names, page, web_terminal
from tests.lab.hand.tools import desktop

_SSH = ("sshd", "ssh")
_BROWSER = ("chromium", "Xvfb", "xdotool", "openssl", "nginx")
_QUIC = ("chromium", "Xvfb", "xdotool", "openssl")
_CHAT = ("ngircd", "sic")
_CURL = ("curl", "openssl", "nginx")

_ALL = (
    Activity("ssh-typing", "controlling", shells.ssh_typing, _SSH),
    Activity("ssh-commands", "controlling", shells.ssh_commands, _SSH),
    Activity("ssh-output", "controlling", shells.ssh_with_output, _SSH),
    Activity("ssh-tail", "none", shells.ssh_tail, _SSH),
    Activity("scp", "none", shells.ssh_copies, (*_SSH, "scp")),
    Activity("rsync", "none", shells.rsync_backup, (*_SSH, "rsync")),
    Activity("git", "none", shells.git_over_ssh, (*_SSH, "git")),
    Activity("sftp", "none", shells.sftp_browsing, (*_SSH, "sftp")),
    Activity("sshfs", "none", shells.mounted_folder, (*_SSH, "sshfs", "fusermount3")),
    Activity("editor-sync", "none", shells.editor_sync, _SSH, "keys go out and small messages come in at their pace"),
    Activity("web-search", "none", page("search", keys=True), _BROWSER),
    Activity("web-search-quic", "none", page("search", keys=True, quic=True), _QUIC),
    Activity("web-chat", "none", page("chat", keys=True), _BROWSER, "a partner's keys come in, receipts go out"),
    Activity("web-chat-reading", "none", page("chat"), _BROWSER, "a partner's keys come in, receipts go out"),
    Activity("web-mail", "none", page("mail", keys=True), _BROWSER),
    Activity("web-document", "none", page("edit", keys=True), _BROWSER, "another's keys come in, each answered"),
    Activity("web-document-reading", "none", page("watch-edit"), _BROWSER, "another's keys come in, each answered"),
    Activity("web-board", "none", page("board", keys=True), _BROWSER, "another's pointer comes in, pictures go out"),
    Activity("web-board-reading", "none", page("board"), _BROWSER, "another's pointer comes in, pictures go out"),
    Activity("web-replay", "none", page("replay", keys=True), _BROWSER),
    Activity("web-terminal", "controlling", web_terminal, _BROWSER),
    Activity("web-reading", "none", page("read"), _BROWSER),
    Activity("web-reading-quic", "none", page("read", quic=True), _QUIC),
    Activity("web-names", "none", browse_many_names, _BROWSER),
    Activity("poll", "none", page("poll"), _BROWSER, "keys of a chat partner come in, each answered at once"),
    Activity("poll-typing", "none", page("poll", keys=True), _BROWSER, "keys of a chat partner come in, each answered"),
    Activity("poll-quic", "none", page("poll", quic=True), _QUIC, "keys of a chat partner come in, each answered"),
    Activity("ticker", "none", page("ticker"), _BROWSER, "many small messages in"),
    Activity("server-events", "none", page("news"), _BROWSER, "small messages in at a person's pace"),
    Activity("downloads", "none", transfers.downloads, _CURL),
    Activity("uploads", "none", transfers.uploads, _CURL),
    Activity("video", "none", transfers.video, _CURL),
    Activity("music", "none", transfers.music, _CURL),
    Activity("scripted-requests", "none", transfers.scripted_requests, _CURL),
    Activity("followed-log", "none", transfers.followed_log, _CURL, "small messages in at a person's pace"),
    Activity("backup", "none", transfers.backup, (*_SSH, "rsync")),
    Activity("printing", "none", transfers.printing),
    Activity("heartbeats", "none", messages.talk("heartbeat-out", "heartbeat-in", "heartbeat-both"), ("openssl",)),
    Activity("heartbeat-fast", "none", messages.talk("heartbeat-fast"), ("openssl",), "inbound, answered at once"),
    Activity("push", "none", messages.talk("push"), ("openssl",), "small messages in, answered at once"),
    Activity("push-typing", "none", messages.talk("push-human"), ("openssl",), "keys come in, answered at once"),
    Activity("telemetry", "none", messages.talk("telemetry"), ("openssl",)),
    Activity("mqtt", "none", messages.things, ("mosquitto", "mosquitto_sub", "mosquitto_pub")),
    Activity("voip", "none", messages.talk("voip", "sip"), ("openssl",)),
    Activity("call", "none", calls.call),
    Activity("call-voices", "none", calls.call_voices),
    Activity("call-sharing", "none", calls.call_sharing, desktop.PROGRAMS, "the screen goes out as somebody works"),
    Activity("call-pointing", "none", calls.call_pointing, desktop.PROGRAMS, "another's pointer comes in"),
    Activity("call-watching", "none", calls.call_watching, desktop.PROGRAMS),
    Activity("game-streaming", "controlling", calls.game_streaming),
    Activity("game", "none", messages.talk("game"), ("openssl",)),
    Activity("game-fast", "none", messages.talk("game-fast"), ("openssl",)),
    Activity("music-udp", "none", messages.talk("music-udp"), ("openssl",)),
    Activity("video-udp", "none", messages.talk("video-udp"), ("openssl",)),
    Activity("camera-udp", "none", messages.talk("camera-udp"), ("openssl",), "pictures go out, small reports come in"),
    Activity(
        "live-stream", "none", messages.talk("live-stream"), ("openssl",),
        "pictures go out, viewers' comments come in at a person's pace",
    ),
    Activity("sip-ntp", "none", messages.talk("sip", "ntp"), ("openssl",)),
    Activity("database-client", "none", serving.database_client, ("psql", "setpriv")),
    Activity(
        "database-server", "none", serving.database_server, ("psql", "setpriv"),
        "queries come in at a person's pace and results go out",
    ),
    Activity("dev-site", "none", serving.development_site, _BROWSER, "requests in at a person's pace, pages out"),
    Activity("dev-search", "none", serving.development_search, _BROWSER, "a request in for each key, a burst out"),
    Activity("dev-document", "none", serving.development_chat, _BROWSER, "a message comes in for each key, answered"),
    Activity("file-server", "none", serving.file_server, ("smbd", "smbclient"), "small requests in, bursts out"),
    Activity("file-share", "none", serving.file_share, ("smbd", "smbclient")),
    Activity("snmp", "none", serving.snmp_polled, ("snmpd", "snmpbulkwalk"), "small requests in, bursts out"),
    Activity("metrics", "none", serving.metrics_scraped, ("prometheus-node-exporter", "curl"), "bursts out on request"),
    Activity("managed", "none", serving.remote_jobs, _SSH, "logins over SSH into the laptop, by a program"),
    Activity(
        "busy-desk", "controlling", together(messages.talk("push-human", "voip"), shells.ssh_typing),
        (*_SSH, "openssl"), "a partner's keys come in while the laptop's own person types out over SSH",
    ),
    Activity(
        "busy-document", "controlling", together(page("watch-edit"), shells.ssh_with_output),
        (*_SSH, *_BROWSER), "a co-author's keys come in while the laptop's own person types out over SSH",
    ),
    Activity("fetched", "none", serving.files_fetched, (*_SSH, "rsync"), "SSH into the laptop, by a program"),
    Activity(
        "store-server", "none", lines.store_server, ("redis-server", "redis-cli"),
        "short lines come in at a person's pace, mostly short answers go out",
    ),
    Activity("chat-client", "none", lines.chat_client, _CHAT, "others' lines come in at a person's pace"),
    Activity("chat-server", "none", lines.chat_server, _CHAT, "people's lines come in, and go out to the others"),
)  # fmt: skip

ACTIVITIES = {activity.name: activity for activity in _ALL}
"""Activities by name."""
