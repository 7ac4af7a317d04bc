// SPDX-License-Identifier: Apache-2.0
#include "serve/waiting_answers.hpp"

#include <fmt/format.h>

#include <utility>

#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

// Each answer may be as long as --max-message. A client that reads its answers never has more
// waiting than the kernel's queue holds (/proc/sys/net/unix/max_dgram_qlen, often 10).
constexpr std::size_t most_waiting = 64;
constexpr std::size_t most_in_line = 16;

/// The key in lines_ for a client.
std::string name_of(const ReturnAddress& client) {
  return fmt::format("{} {} {}", client.sender.uid, client.sender.pid, client.address.unescaped());
}

}  // namespace

Task<bool> WaitingAnswers::send(const ReturnAddress& client, std::string_view answer) {
  std::erase_if(lines_, [](const auto& line) { return line.second.sending.done(); });
  const auto line = lines_.empty() ? lines_.end() : lines_.find(name_of(client));
  if (line != lines_.end()) co_return join(client, line->second, answer);

  const auto sent = co_await socket_->answer(client, answer, {}, Duration::zero());
  if (sent) {
    events_->message("sent", 0, answer);
    co_return true;
  }
  if (sent.error().code != std::errc::timed_out) {
    events_->error("not answered", 0, sent.error());
    co_return false;
  }
  const std::string name = name_of(client);
  Line& opened = lines_[name];
  const bool joined = join(client, opened, answer);
  if (joined) {
    opened.sending = sending_.spawn(send_in_turn(client, opened));
  } else {
    lines_.erase(name);
  }
  co_return joined;
}

bool WaitingAnswers::join(const ReturnAddress& client, Line& line, std::string_view answer) {
  if (line.answers.size() >= most_in_line || waiting_ >= most_waiting) {
    const std::string why =
        line.answers.size() >= most_in_line
            ? fmt::format("the client does not read, and {} already wait for it",
                          counted(line.answers.size(), "answer"))
            : fmt::format("the client does not read, and {} already wait for such clients",
                          counted(waiting_, "answer"));
    events_->error(
        "not answered", 0,
        error_of(std::errc::no_buffer_space, "send to", client.address.unescaped(), why));
    return false;
  }
  line.answers.emplace_back(answer);
  ++waiting_;
  return true;
}

Task<> WaitingAnswers::send_in_turn(ReturnAddress client, Line& line) {
  while (!line.answers.empty()) {
    const auto sent = co_await socket_->answer(client, line.answers.front(), {}, patience_);
    if (!sent) {
      give_up(sent.error(), line);
      break;
    }
    events_->message("sent", 0, line.answers.front());
    line.answers.pop_front();
    --waiting_;
  }
}

void WaitingAnswers::give_up(const Error& error, Line& line) {
  Error reported = error;
  if (line.answers.size() > 1) {
    reported.reason = fmt::format("{}; {} waited behind this one", error.why(),
                                  counted(line.answers.size() - 1, "answer"));
  }
  events_->error("not answered", 0, reported);
  waiting_ -= line.answers.size();
  line.answers.clear();
}

}  // namespace hallway::tool
