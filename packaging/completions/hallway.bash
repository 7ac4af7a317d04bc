# bash completion for hallway; made by `hallway completions bash`.
_hallway_offer() { mapfile -t COMPREPLY < <(compgen "$@" -- "${COMP_WORDS[COMP_CWORD]}"); }
_hallway() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} flags=
  if ((COMP_CWORD == 1)); then
    _hallway_offer -W "serve connect send request wait diagnose hub link publish subscribe reply bench --help --version"
    return
  fi
  case ${COMP_WORDS[1]} in
    serve)
      case $previous in
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --framing) _hallway_offer -W "lines null len32 len32be len32le raw"; return ;;
        --owner) _hallway_offer -u; return ;;
        --group) _hallway_offer -g; return ;;
        --full) _hallway_offer -W "wait drop-oldest drop-newest disconnect"; return ;;
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --on-path-lost) _hallway_offer -W "warn rebind exit"; return ;;
        --max-message | --on | --handler | --handlers | --handler-timeout | --exit-word | --stop-word | --mode | --allow | --max-connections | --max-per-uid | --max-memory | --max-memory-per-uid | --idle-timeout | --handshake-timeout | --timeout | --ready-fd) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --type --framing --max-message --echo --ack --broadcast --on --sized --hangup --handler --handlers --handler-timeout --exit-word --stop-word --no-print --mode --owner --group --allow --max-connections --max-per-uid --max-memory --max-memory-per-uid --idle-timeout --handshake-timeout --timeout --full --spin --once --ready-fd --takeover --on-path-lost --no-sandbox"
      ;;
    connect)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --framing) _hallway_offer -W "lines null len32 len32be len32le raw"; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --max-message | --timeout | --retry | --stop-word) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --spin --type --framing --max-message --timeout --server-uid --retry --stop-word --hex"
      ;;
    send)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --framing) _hallway_offer -W "lines null len32 len32be len32le raw"; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --at) _hallway_offer -f; return ;;
        --max-message | --timeout | --retry) return ;;
      esac
      flags="--help -h --wait-reply --quiet -q --verbose -v --json --spin --type --framing --max-message --timeout --server-uid --retry --at --sized"
      ;;
    request)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --framing) _hallway_offer -W "lines null len32 len32be len32le raw"; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --at) _hallway_offer -f; return ;;
        --max-message | --timeout | --retry | --subject) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --spin --type --framing --max-message --timeout --server-uid --retry --at --sized --subject"
      ;;
    wait)
      case $previous in
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --timeout | --subject | --expect) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --type --timeout --server-uid --subject --expect"
      ;;
    diagnose)
      case $previous in
        --as) _hallway_offer -u; return ;;
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --as-pid | --pid) return ;;
      esac
      flags="--help -h --as --as-pid --type --bind --pid --no-probe --json"
      ;;
    hub)
      case $previous in
        --owner) _hallway_offer -u; return ;;
        --group) _hallway_offer -g; return ;;
        --metrics) _hallway_offer -f; return ;;
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --on-path-lost) _hallway_offer -W "warn rebind exit"; return ;;
        --config | --check-config | --name | --listen | --mode | --allow | --max-message | --max-connections | --max-per-uid | --max-memory | --link | --export | --import | --ready-fd) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --config --check-config --name --listen --listen-anywhere --mode --owner --group --allow --max-message --max-connections --max-per-uid --max-memory --metrics --link --export --import --spin --ready-fd --takeover --on-path-lost --no-sandbox"
      ;;
    link)
      case $previous in
        --full) _hallway_offer -W "drop-oldest drop-newest"; return ;;
        --metrics) _hallway_offer -f; return ;;
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --config | --to | --export | --export-wanted | --import | --name | --user | --password-file | --token-file | --credentials | --tls-ca | --tls-certificate | --tls-key | --first-wait | --most-wait | --connect-time | --heartbeat | --outbound | --inbound | --ready-fd) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --config --to --export --export-wanted --import --name --user --password-file --token-file --credentials --tls --tls-ca --tls-certificate --tls-key --first-wait --most-wait --connect-time --heartbeat --outbound --inbound --drop-while-away --full --metrics --spin --ready-fd"
      ;;
    publish)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --at) _hallway_offer -f; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --timeout | --reply | --expect | --header) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --spin --at --timeout --server-uid --reply --expect --header"
      ;;
    subscribe)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --at) _hallway_offer -f; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --queue) _hallway_offer -g; return ;;
        --full) _hallway_offer -W "wait drop-oldest drop-newest latest-only disconnect"; return ;;
        --timeout | --count | --ready-fd) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --spin --at --timeout --server-uid --queue --count --raw --ready-fd --full"
      ;;
    reply)
      case $previous in
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --at) _hallway_offer -f; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --queue) _hallway_offer -g; return ;;
        --timeout | --handler | --handlers | --handler-timeout | --count | --ready-fd) return ;;
      esac
      flags="--help -h --quiet -q --verbose -v --json --spin --at --timeout --server-uid --handler --handlers --handler-timeout --queue --count --ready-fd"
      ;;
    bench)
      case $previous in
        --pattern) _hallway_offer -W "pingpong stream broadcast connect"; return ;;
        --spin) _hallway_offer -W "auto off TIME"; return ;;
        --type) _hallway_offer -W "stream seqpacket datagram"; return ;;
        --framing) _hallway_offer -W "lines null len32 len32be len32le raw"; return ;;
        --server-uid) _hallway_offer -u; return ;;
        --size | --connections | --duration | --rate | --report | --max-message | --timeout) return ;;
      esac
      flags="--help -h --pattern --size --connections --duration --rate --report --quiet -q --verbose -v --json --spin --type --framing --max-message --timeout --server-uid"
      ;;
  esac
  if [[ $current == -* ]]; then _hallway_offer -W "$flags"; else _hallway_offer -f; fi
}
complete -o filenames -F _hallway hallway
