// SPDX-License-Identifier: Apache-2.0
//
// hallway bench: puts load on a server, and measures rates and latencies.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "bench/bench_load.hpp"
#include "bench/bench_measurement.hpp"
#include "bench/bench_output.hpp"
#include "bench/bench_progress.hpp"
#include "bench/bench_report.hpp"
#include "bench/bench_server.hpp"
#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "io/events.hpp"
#include "io/output.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

constexpr const char* bench_examples =
    "Examples:\n"
    "  hallway bench                             start a server, measure round trips\n"
    "  hallway bench ./app.sock --connections 50 --rate 10000 --duration 1m\n"
    "  hallway bench --pattern stream --size 4K --framing len32\n"
    "  hallway bench @chat --pattern broadcast --type seqpacket\n"
    "  hallway bench --rate 5000 --report bench.html --json\n"
    "\nADDRESS is a server that answers each message with itself (hallway serve\n"
    "--echo), or for broadcast sends it to all others (--broadcast).\n";

constexpr std::size_t usual_broadcast_connections = 8;

struct BenchFlags {
  Verbosity verbosity;
  Load load;
  std::optional<std::string> report;
};

/// Each connection needs a descriptor, so raise the soft limit to the hard limit.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// By default the kernel wakes a sleeping thread up to 50 us late, and an open loop would count
/// that as latency.
void wake_on_time() { std::ofstream("/proc/self/timerslack_ns") << 1; }

class Bench {
 public:
  Bench(const BenchFlags& flags, const Load& load)
      : loop_(load.loop),
        flags_(&flags),
        load_(&load),
        events_(flags.verbosity),
        output_(loop_, !flags.report),
        measured_(load.duration),
        run_(loop_, load, events_, measured_) {}

  /// @return the exit status; nullopt if the measurement decides it
  std::optional<int> measure() {
    for (const int signal : {SIGINT, SIGTERM}) {
      auto claimed = loop_.on_signal(signal, [this, signal] { interrupt(signal); });
      if (!claimed) return fail(claimed.error());
      interrupts_.push_back(std::move(*claimed));
    }
    output_.on_end([this] {
      reader_gone_ = true;
      loop_.stop();
    });
    TaskScope tasks(loop_);  // they end before what they use
    driving_ = tasks.spawn(run_.run());
    loop_.spawn(last());
    const auto [level, json] = flags_->verbosity;
    // A progress line that is redrawn in place must not mix with other lines.
    const bool watched = isatty(STDERR_FILENO) == 1 && level == 0 && !json;
    if (watched) tasks.spawn(show_progress(loop_, *load_, measured_));
    const int stopped = loop_.run();
    if (stopped != 0) return stopped;
    if (output_.error()) return fail(*output_.error());
    if (reader_gone_) return exit_status::done;
    return std::nullopt;
  }

  [[nodiscard]] Measurement& measured() noexcept { return measured_; }
  [[nodiscard]] const std::optional<LoadRun::Failure>& failure() const { return run_.failure(); }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  /// Keeps the loop running until the end.
  Task<> last() { co_await when_any(driving_.join(), interrupted_early_.wait()); }

  void interrupt(int signal) {
    if (std::exchange(interrupted_, true)) return loop_.stop(128 + signal);
    run_.end();
    if (measured_.begun()) return;
    events_.log(Events::Level::usual, "stopped", 0, "nothing was measured yet");
    interrupted_early_.set();
  }

  Loop loop_;
  const BenchFlags* flags_;
  const Load* load_;
  Events events_;
  Output output_;  // only watched, to stop the run when its reader has gone
  Measurement measured_;
  LoadRun run_;
  Event interrupted_early_{loop_};  // before anything was measured
  TaskHandle driving_;
  bool interrupted_ = false;
  bool reader_gone_ = false;
  std::vector<Loop::SignalCallback> interrupts_;
};

int fail_for(const Load& load, const Measurement& measured,
             const std::optional<LoadRun::Failure>& failure) {
  if (failure) return failure->connecting ? fail_to_connect(failure->error) : fail(failure->error);
  if (measured.is_sound()) return exit_status::done;
  return fail(error_of(std::errc::bad_message, "bench", load.target.address.unescaped(),
                       words_of_losses(measured)));
}

/// Prints the result and writes the report.
/// @return the exit status
int print_and_report(const BenchFlags& flags, std::optional<Report>& report, const Load& load,
                     const Measurement& measured) {
  const auto printed_all =
      write_out(flags.verbosity.json ? json_line(load, measured) : printed(load, measured));
  if (!printed_all && printed_all.error().code != std::errc::broken_pipe) {
    return fail(printed_all.error());
  }
  if (!report) return exit_status::done;
  const auto reported = report->write(load, measured);
  return reported ? exit_status::done : fail(reported.error());
}

int bench(const BenchFlags& flags) {
  Load load = flags.load;
  std::optional<Report> report;
  if (flags.report) {
    auto opened = Report::open(*flags.report);
    if (!opened) return fail(opened.error());
    report = std::move(*opened);
  }
  allow_many_descriptors();
  std::optional<BenchServer> server;
  if (load.own_server) {
    auto started = BenchServer::start(load);
    if (!started) return fail(started.error());
    server.emplace(std::move(*started));
    load.target.address = server->address();
  }
  wake_on_time();
  Bench bench(flags, load);
  const auto stopped = bench.measure();
  if (stopped) return *stopped;
  Measurement& measured = bench.measured();
  if (bench.interrupted()) measured.cut_short = "stopped by a signal";
  if (bench.failure()) measured.cut_short = bench.failure()->error.why();
  if (server && measured.begun()) {
    measured.server_cpu = seconds(server->stop()) / seconds(measured.elapsed());
  }
  if (measured.latencies().count() > 0) {
    const int status = print_and_report(flags, report, load, measured);
    if (status != exit_status::done) return status;
  }
  return fail_for(load, measured, bench.failure());
}

Read<Pattern> read_pattern(const std::string& text) {
  for (const Pattern pattern :
       {Pattern::pingpong, Pattern::stream, Pattern::broadcast, Pattern::connect}) {
    if (text == to_string(pattern)) return pattern;
  }
  return std::unexpected("not a pattern (pingpong, stream, broadcast or connect)");
}

void check(const CLI::App& verb, BenchFlags& flags) {
  Load& load = flags.load;
  check_wire(verb, load.wire);
  check_target(verb, load.target, load.wire.type);
  if (load.wire.type == SocketType::datagram) {
    refuse_flags("--type datagram", "bench needs connections, and datagrams have none");
  }
  if (load.wire.framing.kind() == Framing::Kind::raw && load.wire.type == SocketType::stream) {
    refuse_flags("--framing raw", "bench needs a framing with message boundaries");
  }
  if (load.target.address.kind() == Address::Kind::exec) {
    refuse_flags("exec:", "bench needs a server that accepts several connections");
  }
  if (load.size == 0) refuse_flags("--size 0", "a message needs at least one byte for its number");
  if (load.size > load.wire.max_message) {
    refuse_flags("--size " + write_size(load.size),
                 "more than --max-message " + write_size(load.wire.max_message));
  }
  if (flags.report && flags.report->empty()) refuse_flags("--report", "the file is missing");
  if (load.duration == Duration::zero()) refuse_flags("--duration 0", "must be above 0");
  if (load.pattern != Pattern::broadcast) return;
  if (!given(verb, "--connections")) load.connections = usual_broadcast_connections;
  if (load.connections < 2) {
    refuse_flags("--pattern broadcast --connections 1",
                 "needs at least 2: one sends, the others receive");
  }
}

void add_load(CLI::App& verb, Load& load) {
  add_value(
      verb, "--pattern", "pingpong|stream|broadcast|connect", read_pattern,
      [&load](Pattern pattern) { load.pattern = pattern; },
      "pingpong: each connection waits for an answer before it sends again; stream: it does not "
      "wait; broadcast: one connection sends, all others receive; connect: a new connection for "
      "each message (default pingpong)");
  add_value(
      verb, "--size", "SIZE", read_size, [&load](std::size_t size) { load.size = size; },
      fmt::format("Size of each message (default {})", load.size));
  add_value(
      verb, "--connections", "N", read_count,
      [&load](std::size_t connections) { load.connections = connections; },
      fmt::format("Number of connections (default {}; for broadcast {})", load.connections,
                  usual_broadcast_connections));
  add_value(
      verb, "--duration", "TIME", read_duration,
      [&load](Duration duration) { load.duration = duration; },
      fmt::format("How long to send messages (default {})", write_duration(load.duration)));
  add_value(
      verb, "--rate", "N", read_count, [&load](std::size_t rate) { load.rate = rate; },
      "Send N messages per second over all connections together, also while answers are slow; "
      "latency counts from the time a message was due (without it, as fast as the pattern allows)");
}

}  // namespace

Run add_bench(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<BenchFlags>();
  auto word = std::make_shared<std::string>();
  add_argument(verb, "ADDRESS", *word, "Address of the server; without it, bench starts one");
  add_load(verb, flags->load);
  add_value(
      verb, "--report", "FILE", read_text,
      [flags](std::string file) { flags->report = std::move(file); },
      "Also write a report with plots: one HTML file that needs no network");
  add_verbosity(verb, flags->verbosity, "Log when the load begins, instead of drawing progress");
  add_spin(verb, flags->load.loop);
  add_wire(verb, flags->load.wire);
  add_target_flags(verb, flags->load.target,
                   fmt::format("Time limit for connecting, and for each answer (default {})",
                               write_duration(flags->load.timeout())));
  add_examples(verb, bench_examples);
  on_parsed(verb, [&verb, flags, word] {
    flags->load.own_server = word->empty();
    if (!word->empty()) flags->load.target.address = read_address(*word);
    check(verb, *flags);
  });
  return [flags] { return bench(*flags); };
}

}  // namespace hallway::tool
