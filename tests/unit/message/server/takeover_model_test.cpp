// SPDX-License-Identifier: Apache-2.0
//
// Every interleaving of three processes that want one name, in two models of the real steps: the
// rule of names (src/net/socket_file.cpp) and the takeover (src/message/server/takeover.cpp).
// Between any two steps of one process the others may do anything, and each may be killed. Each
// model is also run with a mistake in it, which has to be found: else it would prove nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/watchdog.hpp"

namespace hallway {
namespace {

constexpr int nobody = -1;
constexpr int actors = 3;
using Id = std::int8_t;

/// What came of trying everything.
struct Exploration {
  std::size_t states = 0;
  std::size_t depth = 0;
  std::string violation;
};

/// Breadth first, so that the first violation is one of the shortest.
template <typename State>
Exploration explore(
    const State& first,
    const std::function<void(const State&, const std::function<void(State)>&)>& steps) {
  Exploration result;
  std::set<State> seen{first};
  std::deque<std::pair<State, std::size_t>> open{{first, 0}};
  while (!open.empty() && result.violation.empty()) {
    const auto [state, depth] = open.front();
    open.pop_front();
    result.depth = std::max(result.depth, depth);
    result.violation = state.violation();
    bool stuck = true;
    steps(state, [&, deeper = depth + 1](State next) {
      stuck = false;
      if (seen.insert(next).second) open.emplace_back(next, deeper);
    });
    if (stuck && result.violation.empty()) result.violation = state.violation_at_the_end();
  }
  result.states = seen.size();
  return result;
}

// The rule of names ------------------------------------------------------------------------------

namespace names {

enum class Mistake : std::uint8_t { none, no_lock, no_second_look, loser_removes_lock };

// The steps of SocketFile::bind(), Listener::bind() and SocketFile::remove(), each one system call.
enum class At : std::uint8_t {
  idle,
  open_lock,    // open(O_CREAT)
  lock,         // flock(LOCK_NB)
  look_again,   // is the locked file still the one of that name?
  look,         // what is at the name?
  probe,        // connect(2)
  ask_kernel,   // is it bound, and only not listening yet?
  remove_dead,  // unlink(2)
  bind,
  listen,
  serving,
  look_at_name,  // is it still ours?
  remove_name,
  look_at_lock,
  remove_lock,
  let_go,  // of the lock
  close,   // the socket
  over,
};

enum class Socket : std::uint8_t { none, dead, bound, listening };

struct Actor {
  At at = At::idle;
  Id lock = nobody;   // the lock file it has open
  Id found = nobody;  // the socket file it has looked at
  Id made = nobody;
  std::int8_t lives = 1;
  bool won = false;
  auto operator<=>(const Actor&) const = default;
};

/// Files are numbers; a number is free again when no name and no process refers to it.
struct World {
  std::array<Actor, actors> actor;
  std::array<Id, actors + 2> lock_holder;
  std::array<Socket, actors + 2> socket{};
  Id lock_name = nobody;
  Id name = nobody;
  bool crashed = false;
  bool closed = false;
  std::uint8_t broken = 0;  // a step that must not happen: see violation()
  auto operator<=>(const World&) const = default;

  World() { lock_holder.fill(nobody); }

  [[nodiscard]] std::string violation() const {
    switch (broken) {
      case 1: return "the name of a living server was removed";
      case 2: return "a lock file was removed that is not one's own";
      default: break;
    }
    int serving = 0;
    for (const Actor& one : actor) {
      if (one.at != At::serving) continue;
      ++serving;
      if (name != one.made) return "the name does not lead to its owner";
    }
    return serving > 1 ? "two owners" : "";
  }

  [[nodiscard]] std::string violation_at_the_end() const {
    if (crashed || closed) return "";
    const auto serving =
        std::ranges::count_if(actor, [](const Actor& one) { return one.at == At::serving; });
    return serving == 1 ? "" : "no server is left, and none died";
  }

  [[nodiscard]] Id free_lock() const {
    Id id = 0;
    while (id == lock_name ||
           std::ranges::any_of(actor, [id](const Actor& one) { return one.lock == id; })) {
      ++id;
    }
    return id;
  }
  [[nodiscard]] Id free_socket() const {
    Id id = 0;
    while (id == name || std::ranges::any_of(actor, [id](const Actor& one) {
             return one.made == id || one.found == id;
           })) {
      ++id;
    }
    return id;
  }
  Id& holder(Id file) { return lock_holder.at(static_cast<std::size_t>(file)); }
  Socket& kind(Id file) { return socket.at(static_cast<std::size_t>(file)); }

  void release(Actor& one) {
    if (one.lock == nobody) return;
    if (&actor.at(static_cast<std::size_t>(std::max<Id>(holder(one.lock), 0))) == &one) {
      holder(one.lock) = nobody;
    }
    one.lock = nobody;
  }
  void end(Actor& one, At at) {
    release(one);
    if (one.made != nobody) kind(one.made) = Socket::dead;
    one.made = one.found = nobody;
    one.won = false;
    one.at = at;
  }
  /// What is left to do for one who was refused.
  void refuse(Actor& one, Mistake mistake) {
    one.found = nobody;
    const bool has_lock =
        one.lock != nobody &&
        &actor.at(static_cast<std::size_t>(std::max<Id>(holder(one.lock), 0))) == &one &&
        holder(one.lock) != nobody;
    if (has_lock || (mistake == Mistake::loser_removes_lock && one.lock != nobody)) {
      one.at = At::look_at_lock;
    } else {
      end(one, At::over);
    }
  }
};

/// One step of one process; false: it has none.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): one case for each step, in order
bool step(World& world, int me, Mistake mistake) {
  Actor& self = world.actor.at(static_cast<std::size_t>(me));
  switch (self.at) {
    case At::idle:
      if (self.lives == 0) return false;
      --self.lives;
      self.at = mistake == Mistake::no_lock ? At::look : At::open_lock;
      return true;
    case At::open_lock:
      if (world.lock_name == nobody) {
        world.lock_name = world.free_lock();
        world.holder(world.lock_name) = nobody;
      }
      self.lock = world.lock_name;
      self.at = At::lock;
      return true;
    case At::lock:
      if (world.holder(self.lock) != nobody) {
        world.refuse(self, mistake);
        return true;
      }
      world.holder(self.lock) = static_cast<Id>(me);
      self.at = mistake == Mistake::no_second_look ? At::look : At::look_again;
      return true;
    case At::look_again:
      self.at = At::look;
      if (world.lock_name != self.lock) {
        world.release(self);
        self.at = At::open_lock;
      }
      return true;
    case At::look:
      self.found = world.name;
      self.at = world.name == nobody ? At::bind : At::probe;
      return true;
    case At::probe:
      self.at = At::ask_kernel;
      if (world.name == nobody || world.kind(world.name) == Socket::listening) {
        world.refuse(self, mistake);
      }
      return true;
    case At::ask_kernel:
      self.at = At::remove_dead;
      if (world.kind(self.found) == Socket::bound || world.kind(self.found) == Socket::listening) {
        world.refuse(self, mistake);
      }
      return true;
    case At::remove_dead:
      if (world.name != nobody && world.kind(world.name) != Socket::dead) world.broken = 1;
      world.name = nobody;
      self.found = nobody;
      self.at = At::bind;
      return true;
    case At::bind:
      if (world.name != nobody) {
        world.refuse(self, mistake);
        return true;
      }
      self.made = world.free_socket();
      world.kind(self.made) = Socket::bound;
      world.name = self.made;
      self.at = At::listen;
      return true;
    case At::listen:
      world.kind(self.made) = Socket::listening;
      self.won = true;
      self.at = At::serving;
      return true;
    case At::serving: return false;
    case At::look_at_name:
      self.at = world.name == self.made ? At::remove_name : At::look_at_lock;
      return true;
    case At::remove_name:
      if (world.name != self.made) world.broken = 1;
      world.name = nobody;
      self.at = At::look_at_lock;
      return true;
    case At::look_at_lock:
      self.at = self.lock != nobody && world.lock_name == self.lock ? At::remove_lock : At::let_go;
      return true;
    case At::remove_lock:
      if (world.lock_name != self.lock || world.holder(self.lock) != me) world.broken = 2;
      world.lock_name = nobody;
      self.at = At::let_go;
      return true;
    case At::let_go:
      world.release(self);
      self.at = At::close;
      return true;
    case At::close: world.end(self, At::over); return true;
    case At::over:
      if (self.lives == 0) return false;
      self.at = At::idle;
      return true;
  }
  return false;
}

struct Freedom {
  Mistake mistake = Mistake::none;
  std::int8_t lives = 1;  // how often each process may start
  bool may_crash = false;
  bool may_close = false;
  bool stale = false;  // a killed server's files are there in the beginning
};

Exploration try_everything(const Freedom& freedom) {
  World first;
  for (Actor& one : first.actor) one.lives = freedom.lives;
  first.actor[2].lives = 1;  // three that all come back take long and find nothing more
  if (freedom.stale) {
    first.name = 0;
    first.socket[0] = Socket::dead;
    first.lock_name = 0;
  }
  return explore<World>(first, [&](const World& world, const std::function<void(World)>& give) {
    for (int me = 0; me < actors; ++me) {
      World next = world;
      if (step(next, me, freedom.mistake)) give(next);
      const Actor& self = world.actor.at(static_cast<std::size_t>(me));
      if (freedom.may_close && self.at == At::serving) {
        next = world;
        next.closed = true;
        next.actor.at(static_cast<std::size_t>(me)).at = At::look_at_name;
        give(next);
      }
      if (freedom.may_crash && self.at != At::idle && self.at != At::over) {
        next = world;
        next.crashed = true;
        next.end(next.actor.at(static_cast<std::size_t>(me)), At::over);
        give(next);
      }
    }
  });
}

}  // namespace names

TEST(socket_file_ownership_model, has_exactly_one_owner_when_nobody_dies) {
  for (const bool stale : {false, true}) {
    const auto result = names::try_everything({.stale = stale});
    EXPECT_EQ(result.violation, "");
    EXPECT_GE(result.depth, 10U);
  }
}

TEST(socket_file_ownership_model, never_has_two_owners_whichever_dies_or_closes) {
  const auto result =
      names::try_everything({.lives = 2, .may_crash = true, .may_close = true, .stale = true});
  EXPECT_EQ(result.violation, "");
  EXPECT_GE(result.depth, 20U);
  RecordProperty("states", static_cast<int>(result.states));
}

TEST(socket_file_ownership_model, finds_what_a_missing_lock_does) {
  const auto result = names::try_everything({.mistake = names::Mistake::no_lock, .stale = true});
  EXPECT_NE(result.violation, "");
}

TEST(socket_file_ownership_model, finds_what_a_missing_second_look_at_the_lock_does) {
  const auto result = names::try_everything({.mistake = names::Mistake::no_second_look,
                                             .lives = 2,
                                             .may_crash = true,
                                             .may_close = true,
                                             .stale = true});
  EXPECT_NE(result.violation, "");
}

TEST(socket_file_ownership_model, finds_the_fault_of_a_loser_that_removes_the_lock) {
  const auto result =
      names::try_everything({.mistake = names::Mistake::loser_removes_lock, .stale = true});
  EXPECT_NE(result.violation, "");
}

// The takeover -----------------------------------------------------------------------------------

namespace takeover_model {

enum class Mistake : std::uint8_t {
  none,
  server_before_control,  // the server drains before its control socket was handed over
  yours_in_two_steps,     // the predecessor may be told to stop between "yours" and letting go
  not_deaf,               // a successor that gives up does not stop "yours" from being sent
};

// TakeoverClient::begin() and complete(), Server::succeed(), TakeoverServer::offer().
enum class At : std::uint8_t {
  idle,
  asking,   // "takeover 1" was sent
  offered,  // has the copies, and opens its servers on them
  waiting,  // "ready" was sent
  deaf,     // its time was up: shut its reading side down, and looks once more
  serving,
  draining,  // told to stop, or taken over
  over,
};
enum class Word : std::uint8_t { none, takeover, ready, offer, later, yours };

constexpr int places = actors + 1;

struct Actor {
  At at = At::idle;
  Id place = nobody;  // the bound sockets and the lock it has copies of
  bool owner = false;
  bool handed_over = false;
  bool letting_go = false;  // only with the mistake: "yours" is sent, the rest is to come
  Id offering_to = nobody;
  // As a successor: its connection.
  Id queued_at = nobody;  // at that place's control socket; nobody: none, or accepted
  Id server = nobody;
  Word said = Word::none;
  Word heard = Word::none;
  bool hung_up = false;  // the server closed it
  std::int8_t attempts = 4;
  bool refused = false;
  auto operator<=>(const Actor&) const = default;
};

/// A place is what one bind made: the listening socket, its control socket and the lock.
struct World {
  std::array<Actor, actors> actor;
  std::array<bool, places> shut{};
  std::array<bool, places> control_shut{};
  Id name = 0;
  bool crashed = false;
  bool told = false;
  auto operator<=>(const World&) const = default;

  Actor& at(Id who) { return actor.at(static_cast<std::size_t>(who)); }
  [[nodiscard]] bool held(Id place) const {
    return std::ranges::any_of(actor, [place](const Actor& one) { return one.place == place; });
  }
  [[nodiscard]] static std::size_t index(Id place) { return static_cast<std::size_t>(place); }

  [[nodiscard]] std::string violation() const {
    int owners = 0;
    for (const Actor& one : actor) {
      const bool told_so = one.heard == Word::yours && one.at != At::over;
      owners += one.owner || told_so ? 1 : 0;
      if (one.refused && !crashed && !told) return "the name was in use, and no server handed over";
      if (one.at != At::serving || !one.owner) continue;
      if (name != one.place) return "the name does not lead to its owner";
      if (shut[index(one.place)]) return "the owner's listener was shut down";
      if (control_shut[index(one.place)]) return "the owner's control socket was shut down";
    }
    if (owners > 1) return "two owners";
    if (owners == 0 && !crashed && !told) return "no owner, and no server died or was stopped";
    return "";
  }
  [[nodiscard]] std::string violation_at_the_end() const { return ""; }

  void end(Actor& one) {
    one.at = At::over;
    one.place = nobody;
    one.owner = false;
    one.letting_go = false;
    hang_up(one);
  }
  static void hang_up(Actor& one) {
    one.queued_at = one.server = nobody;
    one.said = one.heard = Word::none;
    one.hung_up = false;
  }
  /// begin() again: nobody answered, or "later".
  static void try_again(Actor& one) {
    hang_up(one);
    one.at = At::idle;
  }
};

/// Whether the connection is of no use any more: who accepted it ended, or nobody will.
bool cut_off(const World& world, const Actor& self) {
  if (self.hung_up) return true;
  if (self.server != nobody) {
    return world.actor.at(World::index(self.server)).at == At::over;
  }
  return self.queued_at != nobody && !world.held(self.queued_at);
}

void connect(World& world, Actor& self) {
  --self.attempts;
  if (world.name != nobody && world.held(world.name) &&
      !world.control_shut.at(World::index(world.name))) {
    self.queued_at = world.name;
    self.said = Word::takeover;
    self.at = At::asking;
    return;
  }
  // Nobody there hands over: the name is bound as usual (see the model above).
  if (world.name != nobody && world.held(world.name)) {
    self.refused = true;
    world.end(self);
    return;
  }
  Id fresh = 0;
  while (fresh == world.name || world.held(fresh)) ++fresh;
  world.shut.at(World::index(fresh)) = world.control_shut.at(World::index(fresh)) = false;
  world.name = self.place = fresh;
  self.owner = true;
  self.at = At::serving;
}

using Give = std::function<void(World)>;

/// What a process may do on its own.
void act(const World& world, Id me, Mistake mistake, const Give& give) {
  World next = world;
  Actor& self = next.at(me);
  switch (self.at) {
    case At::idle:
      if (self.attempts == 0) return;
      connect(next, self);
      return give(next);
    case At::asking: {
      World late = world;
      late.end(late.at(me));
      give(late);  // it does not wait for ever
      if (self.heard == Word::offer) {
        self.heard = Word::none;
        if (next.name == self.place) {
          self.at = At::offered;
        } else {
          next.end(self);  // ESTALE
        }
        return give(next);
      }
      if (self.heard == Word::later || cut_off(world, self)) {
        self.place = nobody;
        World::try_again(self);
        return give(next);
      }
      return;
    }
    case At::offered:
      self.said = Word::ready;
      self.at = At::waiting;
      return give(next);
    case At::waiting:
      if (self.heard == Word::yours) {
        World::hang_up(self);
        self.owner = true;
        self.at = At::serving;
        return give(next);
      }
      if (cut_off(world, self)) {
        next.end(self);
        return give(next);
      }
      self.at = At::deaf;
      return give(next);
    case At::deaf:
      if (self.heard == Word::yours && mistake != Mistake::not_deaf) {
        World::hang_up(self);
        self.owner = true;
        self.at = At::serving;
      } else {
        next.end(self);
      }
      return give(next);
    default: return;
  }
}

/// What a server may do about its successors' connections.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): one branch for each thing it may do
void negotiate(const World& world, Id me, Mistake mistake, const Give& give) {
  const Actor& now = world.actor.at(World::index(me));
  if (now.at != At::serving && now.at != At::draining) return;
  if (now.letting_go) {
    World next = world;
    Actor& self = next.at(me);
    self.letting_go = self.owner = false;
    self.handed_over = true;
    self.at = At::draining;
    give(next);
  }
  for (Id who = 0; who < actors; ++who) {
    World next = world;
    Actor& self = next.at(me);
    Actor& successor = next.at(who);
    if (who == me) continue;
    if (successor.queued_at == self.place && self.place != nobody && !self.handed_over) {
      successor.queued_at = nobody;
      successor.server = me;
      give(next);
      continue;
    }
    if (self.offering_to == who && (successor.at == At::over || successor.server != me)) {
      self.offering_to = nobody;
      give(next);
      continue;
    }
    if (successor.server != me || successor.hung_up) continue;
    if (successor.said == Word::takeover) {
      successor.said = Word::none;
      if (self.offering_to != nobody || self.at == At::draining) {
        successor.heard = Word::later;
      } else {
        self.offering_to = who;
        successor.heard = Word::offer;
        successor.place = self.place;
      }
      give(next);
    } else if (successor.said == Word::ready) {
      successor.said = Word::none;
      self.offering_to = nobody;
      const bool hears = successor.at != At::deaf || mistake == Mistake::not_deaf;
      if (self.at == At::draining || !hears) {
        successor.hung_up = true;  // it began to stop meanwhile; EPIPE
      } else {
        successor.heard = Word::yours;
        if (mistake == Mistake::server_before_control) {
          next.control_shut.at(World::index(self.place)) = true;
        }
        if (mistake == Mistake::yours_in_two_steps) {
          self.letting_go = true;
          self.owner = false;
        } else {
          self.owner = false;
          self.handed_over = true;
          self.at = At::draining;
        }
      }
      give(next);
    } else if (self.at == At::draining && successor.heard == Word::none &&
               successor.at != At::deaf) {
      successor.hung_up = true;  // a drain waits for no more than what has arrived
      if (self.offering_to == who) self.offering_to = nobody;
      give(next);
    }
  }
}

/// SIGTERM, and the end of a drain.
void stop(const World& world, Id me, const Give& give) {
  const Actor& now = world.actor.at(World::index(me));
  World next = world;
  Actor& self = next.at(me);
  if (now.at == At::serving) {
    next.told = true;
    self.at = At::draining;
    if (!self.handed_over) {
      next.shut.at(World::index(self.place)) = true;
      next.control_shut.at(World::index(self.place)) = true;
    }
    give(next);
  } else if (now.at == At::draining && !now.letting_go) {
    const bool busy = std::ranges::any_of(world.actor, [&](const Actor& one) {
      return (one.server == me && !one.hung_up && one.at != At::over && one.heard == Word::none) ||
             (one.queued_at == now.place && !now.handed_over);
    });
    if (busy) return;
    if (self.owner && next.name == self.place) next.name = nobody;
    next.end(self);
    give(next);
  }
}

struct Freedom {
  Mistake mistake = Mistake::none;
  bool may_crash = false;
  bool may_be_told = false;
};

Exploration try_everything(const Freedom& freedom) {
  World first;
  first.actor[0] = {.at = At::serving, .place = 0, .owner = true};
  return explore<World>(first, [&](const World& world, const std::function<void(World)>& give) {
    for (Id me = 0; me < actors; ++me) {
      act(world, me, freedom.mistake, give);
      negotiate(world, me, freedom.mistake, give);
      const Actor& self = world.actor.at(World::index(me));
      if (freedom.may_be_told || self.at == At::draining) stop(world, me, give);
      if (freedom.may_crash && self.at != At::idle && self.at != At::over) {
        World next = world;
        next.crashed = true;
        next.end(next.at(me));
        give(next);
      }
    }
  });
}

}  // namespace takeover_model

TEST(takeover_model, always_has_one_owner_when_nobody_dies) {
  const auto result = takeover_model::try_everything({});
  EXPECT_EQ(result.violation, "");
  EXPECT_GE(result.depth, 15U);
}

TEST(takeover_model, never_has_two_owners_whichever_dies_or_stops) {
  const auto result = takeover_model::try_everything({.may_crash = true, .may_be_told = true});
  EXPECT_EQ(result.violation, "");
  EXPECT_GE(result.depth, 20U);
  RecordProperty("states", static_cast<int>(result.states));
}

TEST(takeover_model, finds_a_control_socket_that_is_shut_down_on_the_way) {
  const auto result =
      takeover_model::try_everything({.mistake = takeover_model::Mistake::server_before_control});
  EXPECT_NE(result.violation, "");
}

TEST(takeover_model, finds_a_stop_between_yours_and_letting_go) {
  const auto result = takeover_model::try_everything(
      {.mistake = takeover_model::Mistake::yours_in_two_steps, .may_be_told = true});
  EXPECT_NE(result.violation, "");
}

TEST(takeover_model, finds_the_fault_of_a_successor_that_gives_up_and_still_receives) {
  const auto result =
      takeover_model::try_everything({.mistake = takeover_model::Mistake::not_deaf});
  EXPECT_NE(result.violation, "");
}

}  // namespace
}  // namespace hallway
