// SPDX-License-Identifier: Apache-2.0
#include "hub/metrics_server.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <hallway/deadline.hpp>

#include "hub/tcp_metrics.hpp"

namespace hallway::tool {

namespace {

/// Maximum message size of the connection. A larger response is sent in pieces of this size.
constexpr std::size_t piece_size = 64 * kibibyte;

/// Serves the one request of a connection.
Task<> converse(Connection client, const CollectMetrics& collect) {
  const Deadline deadline(metrics_request_time);
  HttpRequestHead request;
  while (request.state() == HttpRequestHead::State::unfinished) {
    const Received piece = co_await client.receive(deadline.left());
    if (!piece) co_return;  // disconnected, or timed out
    request.take(piece->bytes());
  }
  const std::string response = metrics_response(request, collect);
  std::string_view rest = response;
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, piece_size);
    const Sent sent = co_await client.send(piece);
    if (!sent) co_return;
    rest.remove_prefix(piece.size());
  }
}

class UnixMetricsServer final : public MetricsServer {
 public:
  explicit UnixMetricsServer(Server server) : server_(std::move(server)) {}

  [[nodiscard]] std::string address() const override { return server_.address().unescaped(); }

  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const Address& address,
                                                     const MetricsConfig& config,
                                                     CollectMetrics collect, PathEvents path) {
    ServerOptions options{.file = config.file};
    options.connection.framing = Framing::raw();
    Limits& limits = options.connection.limits;
    limits.max_message = piece_size;
    limits.handshake_time = limits.idle_time = metrics_request_time;
    limits.outbound_soft_time = metrics_request_time;
    options.server_limits.max_connections = max_metrics_clients;
    options.on_path_lost = path.policy;
    options.on_event = [log = std::move(path.on_event)](const ServerEvent& event) {
      // Clients that fetch metrics connect and disconnect all the time; that is not worth logging.
      const bool of_path = event.kind == ServerEvent::Kind::path_lost ||
                           event.kind == ServerEvent::Kind::path_regained;
      if (of_path && log) log(event);
    };
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

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(Loop& loop, const MetricsConfig& config,
                                                           CollectMetrics collect,
                                                           PathEvents path) {
  if (const auto* tcp = std::get_if<TcpAddress>(&*config.address)) {
    return open_tcp_metrics(loop, *tcp, std::move(collect));
  }
  return UnixMetricsServer::open(loop, std::get<Address>(*config.address), config,
                                 std::move(collect), std::move(path));
}

}  // namespace hallway::tool
