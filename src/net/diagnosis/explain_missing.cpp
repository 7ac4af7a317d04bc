// SPDX-License-Identifier: Apache-2.0
//
// A name is missing. The rules are asked in turn, and the first that knows why answers.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/explain_permission.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

using Answer = std::optional<Finding>;
using MissingRule = Answer (*)(const Evidence&, const PathStep* missing);

std::string missing_words(const Evidence& evidence, const PathStep* missing) {
  return missing == nullptr ? "nothing is bound to " + words(evidence.address)
                            : shown(missing->path) + " does not exist";
}

bool is_relative(const Evidence& evidence) {
  return evidence.address.kind() == Address::Kind::path &&
         !evidence.address.name().starts_with('/');
}

// --- the path as it was written -----------------------------------------------------------------

Answer unexpanded(const Evidence& evidence, const PathStep* missing) {
  const std::string& name = evidence.address.name();
  if (missing == nullptr) return std::nullopt;
  const bool home = name.starts_with("~") || name.contains("/~");
  if (!home && !name.contains('$')) return std::nullopt;
  const std::string last = missing->path.substr(missing->path.rfind('/') + 1);
  const bool begins = last.starts_with('~') || last.starts_with('$');
  return finding("unexpanded_variable", begins ? Certainty::certain : Certainty::likely,
                 missing_words(evidence, missing) + ": " + (home ? "~" : "$") +
                     " stands in the path as it is, because no shell replaced it",
                 "write the path in full where a configuration file names it");
}

Answer removed_directory(const Evidence& evidence, const PathStep*) {
  if (!is_relative(evidence) || !evidence.subject.working_directory_removed) return std::nullopt;
  return finding("working_directory_removed", Certainty::certain,
                 "the path is relative, and the working directory of " + words(evidence.subject) +
                     " was removed",
                 "change to another directory, or use an absolute path");
}

// --- another view of the file system ------------------------------------------------------------

Answer other_root(const Evidence& evidence, const PathStep* missing) {
  const std::string& root = evidence.subject.root;
  if (missing == nullptr || is_relative(evidence) || root.empty() || root == "/") {
    return std::nullopt;
  }
  const bool is_ours = evidence.in_our_mounts && *evidence.in_our_mounts != StepKind::missing;
  return finding("other_root", is_ours ? Certainty::certain : Certainty::likely,
                 missing_words(evidence, missing) + " below " + shown(root) +
                     ", the root directory of " + words(evidence.subject),
                 "make the socket in a directory below " + shown(root) + ", or mount it there");
}

Answer subject_mounts(const Evidence& evidence, const PathStep* missing) {
  const bool is_ours = evidence.in_our_mounts && *evidence.in_our_mounts != StepKind::missing &&
                       *evidence.in_our_mounts != StepKind::unknown;
  if (missing == nullptr || !is_ours) return std::nullopt;
  const std::string directory = directory_of(evidence.address.name());
  const std::string& unit = evidence.subject.unit;
  const std::string where = unit.empty() ? "" : " in " + printable(unit);
  return finding(
      "subject_other_mounts", Certainty::certain,
      words(evidence.subject) + " has other mounts, in which " + missing_words(evidence, missing),
      "show it the directory: BindPaths=" + shell_quoted(directory) + where +
          ", or --volume for a container" +
          (is_below(directory, "/tmp") ? "; in a private /tmp: move the socket to /run" : ""),
      server_lines(evidence));
}

// --- names that lead elsewhere ------------------------------------------------------------------

/// What a link leads to, from "/"; ".." is not resolved.
std::string full_target(const PathStep& link) {
  if (link.target.starts_with('/')) return link.target;
  const std::string directory = directory_of(link.path);
  return directory == "/" ? "/" + link.target : directory + "/" + link.target;
}

Answer dangling_link(const Evidence& evidence, const PathStep* missing) {
  const PathStep* link = nullptr;
  for (const PathStep& step : evidence.steps) {
    if (&step == missing) break;
    if (step.kind == StepKind::symlink) link = &step;
  }
  if (link == nullptr || missing == nullptr) return std::nullopt;
  // A link to a directory that is there, such as /var/run, did what it should.
  const bool is_own = own_name_of(evidence) != missing && link == own_name_of(evidence);
  if (!is_own && !is_below(full_target(*link), missing->path)) return std::nullopt;
  return finding("dangling_symlink", Certainty::certain,
                 "the link " + shown(link->path) + " leads to " + shown(link->target) + ": " +
                     missing_words(evidence, missing),
                 "start the server that binds " + shown(missing->path) +
                     ", or correct the link: ln -sfn TARGET " + shell_quoted(link->path));
}

Answer elsewhere(const Evidence& evidence, const PathStep*) { return explain_elsewhere(evidence); }

Answer other_network(const Evidence& evidence, const PathStep* missing) {
  if (missing != nullptr || evidence.sockets.empty()) return std::nullopt;
  const SocketEntry& socket = evidence.sockets.front();
  const std::string container =
      socket.seen_by_pid == 0 ? "" : ", that of pid " + std::to_string(socket.seen_by_pid);
  return finding("other_network_namespace", Certainty::certain,
                 words(evidence.address) + " is bound in another network namespace" + container,
                 "use a path, which reaches across network namespaces, or join that one "
                 "(docker: --network=container:NAME)",
                 {line_for(socket)});
}

// --- names that are nearly this one -------------------------------------------------------------

const SimilarName* similar(const Evidence& evidence, SimilarName::Why why) {
  const auto found = std::ranges::find_if(evidence.similar,
                                          [&](const SimilarName& each) { return each.why == why; });
  return found == evidence.similar.end() ? nullptr : &*found;
}

/// The same name in another form, and not only one that is close to it.
Certainty by_life(const SimilarName& name) {
  return name.alive ? Certainty::certain : Certainty::possible;
}

Certainty of_likeness(const SimilarName& name) {
  const bool is_meant = name.alive && name.why != SimilarName::Why::typing_error;
  return is_meant ? Certainty::likely : Certainty::possible;
}

std::string life_words(const SimilarName& name) {
  return name.alive ? "a live socket is bound to " : "there is ";
}

Answer renamed(const Evidence& evidence, const PathStep* missing) {
  const SimilarName* const name = similar(evidence, SimilarName::Why::renamed);
  if (name == nullptr || missing == nullptr) return std::nullopt;
  return finding("renamed", Certainty::certain,
                 "the socket that was bound to " + words(evidence.address) + " is now named " +
                     shown(name->name),
                 "connect to " + shown(name->name) + ", or rename it back: mv " +
                     shell_quoted(name->name) + " " + shell_quoted(evidence.address.name()));
}

Answer differs(const Evidence& evidence, const PathStep* missing) {
  using Why = SimilarName::Why;
  struct Kind {
    Why why;
    std::string_view what;
  };
  constexpr std::array<Kind, 4> kinds{{{Why::blank, "which has a blank more or less"},
                                       {Why::letter_case, "in other upper and lower case"},
                                       {Why::lookalike, "with characters that look alike"},
                                       {Why::typing_error, "which differs by a character or two"}}};
  for (const Kind& kind : kinds) {
    const SimilarName* const name = similar(evidence, kind.why);
    if (name == nullptr) continue;
    const std::string other =
        kind.why == Why::lookalike ? shown_in_ascii(name->name) : shown(name->name);
    const std::string quoted =
        kind.why == Why::blank && !other.starts_with('"') ? "\"" + other + "\"" : other;
    const bool has_nul = name->name.contains('\0');
    return finding(
        "misspelt_name", of_likeness(*name),
        missing_words(evidence, missing) + "; " + life_words(*name) + quoted + ", " +
            (has_nul ? "whose \\x00 is a NUL byte that is often shown as @"
                     : std::string(kind.what)),
        (has_nul ? "no command line can have a NUL byte: connect with an API that takes a length"
                 : "connect to " + quoted) +
            ", or correct the name where the server is configured");
  }
  return std::nullopt;
}

Answer padded(const Evidence& evidence, const PathStep* missing) {
  const SimilarName* const name = similar(evidence, SimilarName::Why::padded);
  if (name == nullptr || missing != nullptr) return std::nullopt;
  return finding("padded_abstract_name", by_life(*name),
                 "the server bound " + words(evidence.address) +
                     " with NUL bytes up to 107 or 108 bytes, and they belong to the name",
                 "let the server pass the exact length to bind (socat: unix-tightsocklen=1); "
                 "no command line can have NUL bytes");
}

Answer cut_off(const Evidence& evidence, const PathStep* missing) {
  const SimilarName* const name = similar(evidence, SimilarName::Why::cut_off);
  if (name == nullptr) return std::nullopt;
  return finding("path_cut_off", by_life(*name),
                 missing_words(evidence, missing) +
                     "; its first 107 bytes do: the server's "
                     "program cut the name off",
                 "use a shorter path for both programs", {life_words(*name) + shown(name->name)});
}

Answer other_form(const Evidence& evidence, const PathStep* missing) {
  const SimilarName* const name = similar(evidence, SimilarName::Why::other_form);
  if (name == nullptr) return std::nullopt;
  const bool is_abstract = evidence.address.kind() == Address::Kind::path;
  const std::string bare = name->name.starts_with('@') ? name->name.substr(1) : name->name;
  const std::string address = is_abstract ? "abstract:" + bare : name->name;
  return finding("path_or_abstract", by_life(*name),
                 missing_words(evidence, missing) + "; " + life_words(*name) + "the " +
                     (is_abstract ? "abstract name " : "path ") + shown(name->name),
                 "connect to " +
                     shell_quoted(is_abstract || address.contains('/') ? address : "./" + address));
}

Answer other_directory(const Evidence& evidence, const PathStep*) {
  if (!is_relative(evidence) || evidence.elsewhere.empty()) return std::nullopt;
  const SocketEntry& socket = evidence.elsewhere.front();
  std::string where = "another directory";
  for (const Process& holder : socket.holders) {
    if (!holder.working_directory.empty()) where = shown(holder.working_directory);
  }
  return finding("other_working_directory", Certainty::likely,
                 shown(evidence.address.name()) + " is relative: the server bound it in " + where +
                     (evidence.subject.working_directory.empty()
                          ? ""
                          : ", and here it means " + shown(evidence.subject.working_directory)),
                 "use an absolute path", {line_for(socket)});
}

// --- directories of users, and units ------------------------------------------------------------

Answer runtime_directory(const Evidence& evidence, const PathStep* missing) {
  const std::string number = runtime_directory_user(evidence.address.name());
  if (missing == nullptr || number.empty()) return std::nullopt;
  const bool is_gone = missing->path == "/run/user/" + number;
  const bool is_other = number != std::to_string(evidence.subject.uid);
  if (!is_gone) {
    if (!is_other || evidence.for_bind) return std::nullopt;
    return other_runtime_directory(evidence, Certainty::possible);
  }
  const std::string user =
      evidence.runtime_user.empty() ? "uid " + number : printable(evidence.runtime_user);
  const std::string account = evidence.runtime_user.empty() ? number : evidence.runtime_user;
  const Certainty certainty = evidence.lingers == true ? Certainty::likely : Certainty::certain;
  return finding(
      "user_logged_out", certainty, missing->path + " does not exist: " + user + " has no session",
      evidence.lingers == true ? "systemctl start user@" + number + ".service"
                               : "loginctl enable-linger " + shell_quoted(account) +
                                     "  (the directory and the user's services then last)");
}

Answer unit_down(const Evidence& evidence, const PathStep*) { return explain_unit(evidence); }

Answer directory_missing(const Evidence& evidence, const PathStep* missing) {
  if (missing == nullptr || missing == target_of(evidence)) return std::nullopt;
  const bool in_run = missing->path.starts_with("/run/") && missing->path.rfind('/') == 4;
  return finding("directory_missing", Certainty::certain,
                 "the directory " + shown(missing->path) + " does not exist",
                 in_run ? "mkdir " + shell_quoted(missing->path) + ", or RuntimeDirectory=" +
                              shell_quoted(missing->path.substr(5)) + " in the server's unit"
                        : "mkdir -p " + shell_quoted(missing->path) + ", or correct the path",
                 walk_lines(evidence));
}

Finding nothing_there(const Evidence& evidence, const PathStep* missing) {
  std::string nearest;
  for (const SimilarName& name : evidence.similar) {
    if (name.why != SimilarName::Why::nearby || !name.alive) continue;
    nearest += (nearest.empty() ? "" : ", ") + shown(name.name);
  }
  // An abstract name is one of a single network namespace, and may live in another.
  const bool unsure = missing == nullptr && evidence.networks_in_part;
  return finding(
      "nothing_there", unsure ? Certainty::possible : Certainty::certain,
      missing_words(evidence, missing) + (unsure ? " in this network namespace" : ""),
      "start the server, or correct the " + std::string(missing == nullptr ? "name" : "path"),
      nearest.empty() ? std::vector<std::string>()
                      : std::vector<std::string>{"live sockets beside it: " + nearest});
}

constexpr std::array<MissingRule, 16> missing_rules{
    unexpanded,      removed_directory, other_root, subject_mounts,    dangling_link, other_network,
    renamed,         elsewhere,         padded,     cut_off,           other_form,    differs,
    other_directory, runtime_directory, unit_down,  directory_missing,
};

/// Of a directory in which a server wants to bind.
constexpr std::array<MissingRule, 5> missing_rules_of_bind{
    unexpanded, removed_directory, dangling_link, runtime_directory, directory_missing,
};

}  // namespace

Finding explain_missing(const Evidence& evidence, std::size_t at) {
  const PathStep* const missing = at < evidence.steps.size() ? &evidence.steps[at] : nullptr;
  const std::span<const MissingRule> asked =
      evidence.for_bind ? std::span<const MissingRule>(missing_rules_of_bind) : missing_rules;
  for (const MissingRule rule : asked) {
    if (Answer answer = rule(evidence, missing)) return *std::move(answer);
  }
  return nothing_there(evidence, missing);
}

}  // namespace hallway::net
