// SPDX-License-Identifier: Apache-2.0
#include "metrics_server.hpp"

#include <fmt/format.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/text_serializer.h>

#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <hallway/server.hpp>

#include "deadline.hpp"
#include "report.hpp"

namespace hallway::tool {

namespace {

using Families = std::vector<prometheus::MetricFamily>;

// --- over a Unix socket -------------------------------------------------------------------------

constexpr Duration request_time = std::chrono::seconds(5);
constexpr std::size_t longest_line = 8192;
constexpr std::size_t most_lines = 100;
constexpr std::size_t most_clients = 16;

std::string response(std::string_view status, std::string_view type, std::string_view body,
                     bool with_body) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      status, type, body.size(), with_body ? body : "");
}

/// @param line  the first of the request: "GET /metrics HTTP/1.1"
std::string answer(std::string_view line, const CollectMetrics& collect) {
  const auto space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  std::string_view target = space == std::string_view::npos ? "" : line.substr(space + 1);
  target = target.substr(0, target.find_first_of(" ?"));
  const bool with_body = method != "HEAD";
  if (method != "GET" && method != "HEAD") {
    return response("405 Method Not Allowed", "text/plain", "only GET and HEAD\n", with_body);
  }
  if (target != "/metrics") {
    return response("404 Not Found", "text/plain", "metrics are at /metrics\n", with_body);
  }
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8",
                  prometheus::TextSerializer().Serialize(collect()), with_body);
}

/// The first line of a request, once all of its lines are there; empty: there are too many.
/// Nothing: the client was cut, went, or took too long.
Task<std::optional<std::string>> receive_request(Connection& client) {
  const Deadline deadline(request_time);
  std::optional<std::string> first;
  for (std::size_t lines = 0; lines < most_lines; ++lines) {
    const Received line = co_await client.receive(deadline.left());
    if (!line) co_return std::nullopt;
    if (first && line->bytes().empty()) co_return first;
    if (!first) first = line->bytes();
  }
  co_return "";
}

/// One request a connection.
Task<> converse(Connection client, const CollectMetrics& collect) {
  const auto request = co_await receive_request(client);
  if (!request) co_return;
  client.set_framing(Framing::lines(), Framing::raw());
  const std::string reply = request->empty() ? response("400 Bad Request", "text/plain", "", true)
                                             : answer(*request, collect);
  co_await client.send(reply);
}

class UnixMetricsServer final : public MetricsServer {
 public:
  explicit UnixMetricsServer(Server server) : server_(std::move(server)) {}

  [[nodiscard]] std::string address() const override { return server_.address().to_string(); }

  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const Address& address,
                                                     const MetricsConfig& config,
                                                     CollectMetrics collect) {
    ServerOptions options{.mode = config.mode, .owner = config.owner, .group = config.group};
    options.limits.max_message = longest_line;
    options.limits.handshake_time = options.limits.idle_time = request_time;
    options.server_limits.max_connections = most_clients;
    auto server = Server::open(
        loop, address,
        [collect = std::move(collect)](Connection client) {
          return converse(std::move(client), collect);
        },
        std::move(options));
    if (!server) return std::unexpected(server.error());
    return std::make_unique<UnixMetricsServer>(std::move(*server));
  }

 private:
  Server server_;
};

// --- over TCP -----------------------------------------------------------------------------------

/// Brings metrics from the loop's thread to whoever asks on another.
class AcrossThreads final : public prometheus::Collectable {
 public:
  AcrossThreads(Loop& loop, CollectMetrics collect)
      : loop_(&loop), shared_(std::make_shared<Shared>(std::move(collect))) {}

  /// Blocking: until the loop's next turn.
  [[nodiscard]] Families Collect() const override {
    std::unique_lock lock(shared_->mutex);
    if (shared_->ended) return {};
    const std::uint64_t ticket = ++shared_->asked;
    loop_->post([shared = shared_] { shared->fetch(); });
    shared_->changed.wait(lock, [&] { return shared_->fetched >= ticket || shared_->ended; });
    return shared_->families;
  }

  /// The loop makes no turns any more: nobody shall wait for one.
  void end() {
    const std::lock_guard lock(shared_->mutex);
    shared_->ended = true;
    shared_->changed.notify_all();
  }

 private:
  /// Held by the loop, too, which may run what was posted when nobody waits any more.
  struct Shared {
    explicit Shared(CollectMetrics its_collect) : collect(std::move(its_collect)) {}

    void fetch() {
      const std::lock_guard lock(mutex);
      if (ended) return;
      families = collect();
      fetched = asked;
      changed.notify_all();
    }

    CollectMetrics collect;
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t asked = 0;
    std::uint64_t fetched = 0;
    Families families;
    bool ended = false;
  };

  Loop* loop_;
  std::shared_ptr<Shared> shared_;
};

/// While it lives, new threads of this one get no signals: those are for the loop.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

class TcpMetricsServer final : public MetricsServer {
 public:
  TcpMetricsServer(Loop& loop, const TcpAddress& address, CollectMetrics collect)
      : host_(address.text.substr(0, address.text.rfind(':'))),
        metrics_(std::make_shared<AcrossThreads>(loop, std::move(collect))) {
    const SignalsHeld held;
    exposer_.emplace(address.text, 1);
    exposer_->RegisterCollectable(metrics_);
  }
  TcpMetricsServer(const TcpMetricsServer&) = delete;
  TcpMetricsServer& operator=(const TcpMetricsServer&) = delete;
  ~TcpMetricsServer() override { metrics_->end(); }

  [[nodiscard]] std::string address() const override {
    return fmt::format("tcp:{}:{}", host_, exposer_->GetListeningPorts().front());
  }

  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const TcpAddress& address,
                                                     CollectMetrics collect) {
    try {
      return std::make_unique<TcpMetricsServer>(loop, address, std::move(collect));
    } catch (const std::exception&) {
      // What it throws does not say why.
      return std::unexpected(
          error_of(std::errc::address_not_available, "listen", write_metrics_address(address),
                   "in use, or no address of this machine, or a port below 1024"));
    }
  }

 private:
  std::string host_;
  std::shared_ptr<AcrossThreads> metrics_;
  std::optional<prometheus::Exposer> exposer_;
};

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(Loop& loop, const MetricsConfig& config,
                                                           CollectMetrics collect) {
  if (const auto* tcp = std::get_if<TcpAddress>(&*config.address)) {
    return TcpMetricsServer::open(loop, *tcp, std::move(collect));
  }
  return UnixMetricsServer::open(loop, std::get<Address>(*config.address), config,
                                 std::move(collect));
}

}  // namespace hallway::tool
