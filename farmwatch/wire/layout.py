"""Where each number lives in the flat arrays the kernels share.

Why flat rows: a packet touches a dozen fields of its flow; keeping them side by side costs one or two cache lines where
one array per field would cost a miss each. Names stand for offsets: ``rows[row * R_WIDTH + R_TS]``,
``hot[flow * F_WIDTH + F_COMMON + direction * D_WIDTH + D_PACKETS]``. All are plain ints, constants to the compiler.
"""

from __future__ import annotations

MASK32 = 0xFFFFFFFF
MASK31 = 0x7FFFFFFF
POSITION = (1 << 47) - 1  # masks an index: tells the compiler it is not negative, which saves the wrap-around test

# --- transport rows: what decode hands to tracking ------------------------------------------------------------------
(
    R_KIND,  # one of the K_ constants
    R_PACKET,  # packet number in the capture
    R_TS,
    R_WIRE,  # frame bytes on the wire
    R_SRC_HI,
    R_SRC_LO,
    R_DST_HI,
    R_DST_LO,
    R_PORTS,  # protocol << 32 | source port << 16 | destination port
    R_HASH,  # 62 bits, the same for both directions
    R_SIDE,  # 0: payload in the chunk's buffer, 1: in the fragment buffer
    R_OFFSET,  # where the payload starts
    R_CAPTURED,  # payload bytes present
    R_LENGTH,  # payload bytes by the headers
    R_SRC_MAC,
    R_DST_MAC,
    R_VLAN,
    R_TUNNEL,  # Encapsulation
    R_TTL,
    R_VERSION,  # 4 or 6; 0 for link-layer messages
    R_SEQ,
    R_ACK,
    R_FLAGS,
    R_MSS,  # -1 none
    R_SCALE,  # -1 none
    R_TSVAL,  # -1 none
    R_TSECR,
    R_SACK,  # 1: a SACK block starts above the acknowledgement
    R_LINKED,  # 1: source MAC and address belong to the same link
) = range(29)
R_WIDTH = 32

K_TCP = 1
K_UDP = 2
K_ARP = 3
K_LLDP = 4
K_CDP = 5
K_NDP = 6
K_OTHER = 7  # an IP packet counted for its host only

# --- flow rows ------------------------------------------------------------------------------------------------------
(
    F_ORIG_HI,
    F_ORIG_LO,
    F_RESP_HI,
    F_RESP_LO,
    F_PORTS,  # as R_PORTS, seen from the originator
    F_HASH,
    F_FIRST,
    F_FIRST_PACKET,
    F_LAST_PACKET,
    F_META,  # vlan + 1 | tunnel << 16 | swapped << 24 | (first payload side + 1) << 25 | version << 28
    F_PREVIOUS,
    F_SYN,
    F_SYNACK,
    F_ACK,
    F_HEAD,  # H_ constants
    F_LAST,
) = range(16)
F_COMMON = 16
F_ASKED = F_SYN  # UDP: time of the unanswered request, -1 none
F_ANSWER = F_SYNACK  # UDP: least request-to-answer time
F_ANSWERS = F_ACK  # UDP: how many were measured, -1 none

H_NONE = 0
H_OPEN = 1
H_QUEUED = 2
H_TAKEN = 3

(
    # three cache lines that every packet touches
    D_PACKETS,
    D_BYTES,
    D_PAYLOAD,
    D_DATA,
    D_LAST,
    D_SECOND_END,  # first nanosecond after the last active second
    D_NEXT,  # next sequence number expected, -1 none
    D_FIFO_COUNT,  # segments in flight; -1: one, kept in the two fields that follow
    D_FIFO_HEAD,  # position of the oldest segment in flight, or its expected acknowledgement
    D_FIFO_TAIL,  # position after the newest, or its time
    D_FLAGS,  # TCP flags or-ed; 256: timestamps option seen
    D_TTL,
    D_SILENCE,
    D_MAX,
    D_MAC,
    D_HEAD_STATE,  # HS_ bits; UDP: datagram count << 8
    D_TS_PROBE,  # TSval waiting for its echo, -1 none
    D_TS_HIGH,  # highest TSval sent, -1 none
    D_TS_SENT,
    D_RTT_COUNT,
    D_RTT_MIN,
    D_POOL_STRIDE,
    D_ISN,
    D_SMALL,
    # the rest is touched now and then
    D_SMALL_LAST,
    D_SMALL_GAPS,
    D_SMALL_SIZE,
    D_SMALL_VOTES,
    D_ACTIVE,
    D_TS_MIN,
    D_TS_COUNT,
    D_POOL_FIRST,  # first block of the kept samples
    D_POOL_LAST,
    D_POOL_COUNT,
    D_FIRST,
    D_FIRST_DATA,
    D_MSS,
    D_SCALE,
    D_RETRANSMITTED,
    D_REORDERED,
    D_LOST,
    D_HOLE_LEFT,
    D_HOLE_RIGHT,
    D_HOLE_TIME,
    D_HEAD,  # where the head's room starts in the pool
    D_HEAD_ROOM,  # size of the room
    D_HEAD_LENGTH,
    D_HEAD_BASE,  # sequence number of the head's first byte
    D_AHEAD_0,  # bytes that came early: start << 16 | end, -1 none
    D_AHEAD_1,
    D_AHEAD_2,
    D_P5,
    D_SPARE,  # the originator's: next flow whose row may be used again, + 1; 0 none
) = range(53)
D_WIDTH = 56  # with F_COMMON, a flow fills sixteen cache lines exactly
F_WIDTH = F_COMMON + 2 * D_WIDTH
LINE = 8  # numbers in a cache line
D_RTP = D_RETRANSMITTED  # UDP uses of TCP fields
D_STUN = D_REORDERED
D_FIRST_BYTE = D_ISN

HS_DONE = 1  # will not grow
HS_CUT = 2  # ends at a gap or lack of room
HS_MIDSTREAM = 4  # the stream's start was not captured
HS_BASED = 8  # D_HEAD_BASE is set

# --- blocks: segments in flight and RTT samples ---------------------------------------------------------------------
B_WIDTH = 16  # [0] the next block, then 7 pairs (expected acknowledgement, time) or 15 samples
B_SAMPLES = 15
SAMPLES_KEPT = 120

# --- messages, STUN, ARP, hosts -------------------------------------------------------------------------------------
(
    M_KIND,
    M_PACKET,
    M_TS,
    M_LAST,
    M_COUNT,
    M_FLOW,
    M_SRC_MAC,
    M_DST_MAC,
    M_SRC_HI,
    M_SRC_LO,
    M_DST_HI,
    M_DST_LO,
    M_SRC_PORT,
    M_DST_PORT,
    M_WIRE,
    M_OFFSET,
    M_LENGTH,
) = range(17)
M_WIDTH = 17
M_KINDS = 13

(
    T_TS,
    T_PACKET,
    T_FLOW,
    T_DIRECTION,
    T_TYPE,
    T_HI,
    T_LO,
    T_LENGTH,
    T_CHANGE,
) = range(9)
T_WIDTH = 9

(A_PACKET, A_TS, A_LAST, A_COUNT, A_OP, A_ETH, A_SENDER_MAC, A_SENDER_IP, A_TARGET_MAC, A_TARGET_IP) = range(10)
A_WIDTH = 10

(N_MAC, N_HI, N_LO, N_PACKETS, N_BYTES, N_FIRST, N_LAST, N_TTL) = range(8)
N_WIDTH = 8

Q_WIDTH = 4  # kept RTT samples: flow, side, rtt, packet

# --- fragments ------------------------------------------------------------------------------------------------------
(G_USED, G_SRC_HI, G_SRC_LO, G_DST_HI, G_DST_LO, G_ID, G_TOTAL, G_UNITS, G_BORN, G_END, G_GENERATION) = range(11)
G_WIDTH = 11
G_SLOTS = 64
G_ROOM = 65536
G_UNIT_ROOM = G_ROOM // 8

# --- scalars shared by the kernels ----------------------------------------------------------------------------------
(
    S_AT,  # next packet of the chunk to decode
    S_ROWS,  # rows waiting
    S_ROW,  # next row to track
    S_FLOWS,
    S_FLOW_LIMIT,
    S_TABLE_MASK,
    S_BLOCKS,  # blocks ever handed out (0 is never handed out)
    S_BLOCK_FREE,  # first block of the free list, 0 none
    S_BLOCK_CAPACITY,
    S_BLOCK_LIMIT,
    S_POOL,  # bytes of the head pool ever handed out
    S_POOL_LIMIT,
    S_POOL_FREE_0,  # free rooms by class: position + 1, 0 none
    S_POOL_FREE_1,
    S_POOL_FREE_2,
    S_QUEUE,  # flows waiting to be handed out
    S_HEADS_ON,
    S_MESSAGES,
    S_MESSAGE_POOL,
    S_MESSAGE_LENGTH,
    S_MESSAGE_LIMIT,
    S_MESSAGE_POOL_LIMIT,
    S_STUN,
    S_STUN_LIMIT,
    S_STUN_DROPPED,
    S_ARP,
    S_ARP_LIMIT,
    S_ARP_DROPPED,
    S_HOSTS,
    S_HOST_LIMIT,
    S_HOST_DROPPED,
    S_SAMPLES,
    S_SAMPLES_ON,
    S_SEEN,
    S_SEEN_MASK,
    S_FIRST_NS,
    S_LAST_NS,
    S_WIRE_BYTES,
    S_PACKETS,
    S_SINK,  # keeps the look-ahead loads alive
    S_FINISHED,  # reassembled datagrams whose rows are not tracked yet
    S_SPARE,  # first flow whose row may be used again, + 1; 0 none
    S_SPARE_AT,  # packets from which on it is worth looking for such flows
) = range(43)
S_WIDTH = 44
S_REJECT = S_WIDTH  # rejects by reason follow
REJECTS = (
    "unknown link type",
    "link header cut short",
    "encrypted Wi-Fi frame",
    "IP header cut short",
    "IP header damaged",
    "transport header cut short",
    "transport header damaged",
    "fragment of an incomplete datagram",
    "fragment damaged",
    "too many nested headers",
    "flow table full",
    "damaged ARP",
    "round-trip times not followed for lack of room",
    "unanswered attempts and lookups dropped from the full flow table",
)
(
    X_LINK,
    X_LINK_CUT,
    X_ENCRYPTED,
    X_IP_CUT,
    X_IP_BAD,
    X_L4_CUT,
    X_L4_BAD,
    X_FRAGMENT,
    X_FRAGMENT_BAD,
    X_DEPTH,
    X_FLOWS,
    X_ARP,
    X_BLOCKS,
    X_RECYCLED,
) = range(14)
S_PROTOCOL = S_REJECT + 16
PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "sctp", "esp", "arp", "other ip", "other link")
(P_TCP, P_UDP, P_ICMP, P_ICMPV6, P_SCTP, P_ESP, P_ARP, P_OTHER_IP, P_OTHER_LINK) = range(9)
S_DROPPED = S_PROTOCOL + 16  # messages dropped, by kind
S_KEPT = S_DROPPED + 16  # messages kept, by kind
S_TOTAL = S_KEPT + 16

# --- why a kernel came back -----------------------------------------------------------------------------------------
W_DONE = 0
W_FLOWS = 1
W_BLOCKS = 2
W_QUEUE = 3  # hand out queued heads
W_POOL = 4  # hand out all heads: no room
W_MESSAGES = 5
W_STUN = 6
W_ARP = 7
W_HOSTS = 8
W_SAMPLES = 9
W_SEEN = 10
W_SPARE = 11  # find flows whose rows may be used again
