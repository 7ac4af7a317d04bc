// SPDX-License-Identifier: Apache-2.0
//
// What only datagram sockets have: a queue that is counted in datagrams, a peer that may go away
// unnoticed, and replies that need a name.
#include <string>
#include <utility>
#include <vector>

#include "net/diagnosis/connection_rules.hpp"
#include "net/diagnosis/permissions.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

Finding server_gone(const ConnectionCase& at) {
  std::vector<std::string> lines{"it is connected to a socket that nobody has open"};
  for (const Receiver& receiver : at.evidence.receivers) {
    lines.push_back("another socket is bound to " + shown(receiver.end.name) + " now");
  }
  return finding("datagram_server_gone", Certainty::certain,
                 place_words(at) +
                     ": the socket that it is connected to is gone: the server ended "
                     "or was restarted",
                 "restart " + words(at.evidence.process) +
                     "; it should connect again when a send fails, or send with sendto(2)",
                 std::move(lines));
}

std::string queue_limit_words(const ConnectionEvidence& evidence) {
  if (!evidence.datagram_queue_limit) return "as many datagrams wait there as the queue holds";
  return std::to_string(*evidence.datagram_queue_limit + 1) +
         " datagrams wait there (net.unix.max_dgram_qlen is " +
         std::to_string(*evidence.datagram_queue_limit) + ")";
}

Finding queue_full(const ConnectionCase& at) {
  std::vector<std::string> lines{queue_limit_words(at.evidence)};
  lines.push_back("not yet read: " + std::to_string(at.end.here.sent_unread) +
                  " bytes of this socket, " + std::to_string(at.end.far_senders_unread) +
                  " of all connected senders");
  for (std::string& line : far_lines(at)) lines.push_back(std::move(line));
  std::string fix = "let " + far_words(at) + " read faster, or raise net.unix.max_dgram_qlen";
  const auto holders = at.far_holders();
  std::string why;
  if (holders.size() == 1) {
    if (const auto halt = halt_of(holders.front()->process)) {
      why = ": " + words(holders.front()->process) + " " + halt->words;
      fix = halt->fix;
    }
  }
  return finding("datagram_queue_full", Certainty::certain,
                 place_words(at) + ": the queue of the server is full" + why, std::move(fix),
                 std::move(lines));
}

Finding peer_fixed(std::string place) {
  return finding("datagram_peer_fixed", Certainty::certain,
                 std::move(place) +
                     ": the far end is itself connected to another socket, and takes datagrams "
                     "only from that one",
                 "let the server receive without connect(2), or wait until it is free",
                 {"a send fails with EPERM"});
}

bool has_halted_or_full_queue(const ConnectionCase& at) {
  return at.end.takes_datagrams == false && !is_send_buffer_full(at.end.here);
}

void explain_peer(const ConnectionCase& at, Conclusions& found) {
  const ConnectionEnd& end = at.end;
  if (end.here.peer == 0U) {
    found.stops.push_back(server_gone(at));
    return;
  }
  if (!end.there) return;
  const auto theirs = end.there->peer;
  if (theirs && *theirs != 0 && *theirs != end.here.inode) {
    found.stops.push_back(peer_fixed(place_words(at)));
  } else if (end.there->input_ended) {
    found.stops.push_back(finding("reading_side_shut", Certainty::certain,
                                  place_words(at) + ": the far end has shut its reading side",
                                  "restart the server, or send elsewhere",
                                  {"a send fails with EPIPE"}));
  } else if (has_halted_or_full_queue(at) && end.moved != true) {
    found.stops.push_back(queue_full(at));
  }
}

/// A pair of sockets needs no names.
bool is_pair(const ConnectionEnd& end) { return end.there && end.there->peer == end.here.inode; }

void explain_name(const ConnectionCase& at, Conclusions& found) {
  const ConnectionEnd& end = at.end;
  const EndHolder* const own = at.own();
  if (!end.here.name.empty() || is_pair(end) || end.here.peer == 0U || own == nullptr) return;
  if (end.senders > 0) return;
  if (!own->reads && !(own->attends == true && end.here.peer)) return;
  const bool stops = own->reads;
  auto one = finding(
      "no_name_for_replies", stops ? Certainty::certain : Certainty::likely,
      place_words(at) + ": no reply can come: the socket has no name that one could send it to",
      "bind the socket to a name before it sends (autobind is enough)",
      {stops ? words(at.evidence.process) + " waits in a read of it"
             : words(at.evidence.process) + " waits for input on it"});
  (stops ? found.stops : found.odd).push_back(std::move(one));
}

void explain_reply_path(const ConnectionCase& at, Conclusions& found) {
  const auto& reply = at.end.reply_path;
  if (!reply) return;
  if (permission(reply->file, reply->server, Access::write).allowed) return;
  found.stops.push_back(
      finding("reply_denied", Certainty::likely,
              place_words(at) + ": " + words(reply->server) +
                  " may not write to its socket file, so no reply can come",
              "let the server write to it: mode 0666 in a directory that only both may search",
              {reply->file.path + ": " + owner_words(reply->file) + ", mode " +
               mode_words(reply->file.mode)}));
}

void explain_loose(const ConnectionCase& at, Conclusions& found) {
  if (!at.end.here.name.empty() || at.end.here.peer || at.end.senders > 0) return;
  found.odd.push_back(finding(
      "not_connected", Certainty::possible, place_words(at) + ": it has neither a name nor a peer",
      "if it was connected, its server has ended: connect again when a send fails",
      {"usual for a program that only uses sendto(2)",
       "also what remains after a send to a server that has ended: every later send fails "
       "with ENOTCONN"}));
}

}  // namespace

void explain_datagrams(const ConnectionCase& at, Conclusions& found) {
  if (!at.is_datagram()) return;
  explain_peer(at, found);
  explain_name(at, found);
  explain_reply_path(at, found);
  explain_loose(at, found);
}

}  // namespace hallway::net
