// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/explain_permission.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

struct Decision {
  Permission permission;
  /// The mode and the list allow it, and the kernel does not.
  bool contradicted = false;
};

bool is_unmapped(const Evidence& evidence, const PathStep& step) {
  return evidence.maps_all_users == false &&
         (step.owner == evidence.overflow_uid || step.group == evidence.overflow_gid);
}

/// For this process the kernel's own answer is better than what can be computed.
Decision decision(const Evidence& evidence, const PathStep& step, Access wanted) {
  Decision found{permission(step, evidence.subject, wanted), false};
  // Capabilities of a user namespace do not reach files of owners that it does not map.
  if (found.permission.by == DecidedBy::capability && is_unmapped(evidence, step)) {
    found.permission.allowed = false;
  }
  if (evidence.subject.kind != Subject::Kind::self || !step.access_error) return found;
  const bool denied = *step.access_error == EACCES || *step.access_error == EPERM;
  found.contradicted = denied && found.permission.allowed;
  found.permission.allowed = !denied;
  return found;
}

bool is_foreign_runtime_directory(const Evidence& evidence, const PathStep& step) {
  const std::string user = runtime_directory_user(step.path);
  return !user.empty() && step.path == "/run/user/" + user &&
         user != std::to_string(evidence.subject.uid);
}

std::string verb(Access wanted) { return wanted == Access::search ? "search" : "write to"; }

std::string refusal(const Evidence& evidence, const PathStep& step, Access wanted) {
  return "permission denied: " + words(evidence.subject) + " may not " + verb(wanted) + " " +
         shown(step.path);
}

std::string only_words(const PathStep& step, Access wanted) {
  const std::string allowed = allowed_words(step, wanted);
  return allowed == "everybody" ? "" : "; only " + allowed + " may";
}

// --- remedies -----------------------------------------------------------------------------------

std::string setfacl(const Evidence& evidence, const PathStep& step, Access wanted) {
  const Subject& subject = evidence.subject;
  const std::string user = subject.user.empty() ? std::to_string(subject.uid) : subject.user;
  return "setfacl -m " + shell_quoted("u:" + user + (wanted == Access::search ? ":x" : ":rw")) +
         " " + shell_quoted(step.path);
}

std::string start_again(const Subject& subject) {
  constexpr std::string_view why = "  (groups are read at start)";
  if (subject.kind == Subject::Kind::self) return "log in again" + std::string(why);
  const std::string restart = restart_words(subject.unit);
  const bool is_command = restart.starts_with("systemctl");
  return (is_command ? restart : "restart the processes of " + user_words(subject)) +
         std::string(why);
}

/// Membership in the group of root would allow far more than this socket.
bool group_would_do(const Evidence& evidence, const PathStep& step, Access wanted) {
  const unsigned of_group = step.mode >> 3U;
  return (of_group & static_cast<unsigned>(wanted)) != 0 && step.group != 0 &&
         !step.group_name.empty() && !evidence.subject.user.empty();
}

std::string join_group(const Evidence& evidence, const PathStep& step) {
  const std::string again = start_again(evidence.subject);
  return "usermod -aG " + shell_quoted(step.group_name) + " " +
         shell_quoted(evidence.subject.user) +
         (again.starts_with("systemctl") ? " && " : ", then ") + again;
}

std::string change_mode(const PathStep& step, std::string_view part, Access wanted) {
  return "chmod " + std::string(part) + (wanted == Access::search ? "+x " : "+w ") +
         shell_quoted(step.path);
}

/// A socket file is made again by the next start of the server.
std::string kept_by_server(Access wanted, const Evidence& evidence) {
  if (wanted == Access::search) return {};
  return "  (until the server binds it again; to last: mode 0660 and a group of " +
         user_words(evidence.subject) + ", a Hallway server's --mode and --group)";
}

std::string remedy(const Evidence& evidence, const PathStep& step, Access wanted, DecidedBy by) {
  if (by == DecidedBy::owner) {
    return change_mode(step, "u", wanted) + kept_by_server(wanted, evidence);
  }
  if (by == DecidedBy::group) {
    return change_mode(step, "g", wanted) + kept_by_server(wanted, evidence);
  }
  if (group_would_do(evidence, step, wanted)) return join_group(evidence, step);
  return setfacl(evidence, step, wanted) + kept_by_server(wanted, evidence);
}

// --- the causes ---------------------------------------------------------------------------------

Finding not_mapped(const Evidence& evidence, const PathStep& step, Access wanted) {
  return finding(
      "owner_not_mapped", Certainty::certain,
      refusal(evidence, step, wanted) + ": its owner or group has no number in this user namespace",
      "map the owner into the user namespace (podman: --userns=keep-id), or give the "
      "socket a group that is mapped");
}

Finding denied_by_acl(const Evidence& evidence, const PathStep& step, Access wanted, DecidedBy by) {
  const std::string sentence = refusal(evidence, step, wanted);
  if (by == DecidedBy::acl_mask) {
    return finding("acl_denies", Certainty::certain,
                   sentence + ": the mask of its access control list takes that away",
                   "setfacl -m " + std::string(wanted == Access::search ? "m::rx " : "m::rw ") +
                       shell_quoted(step.path));
  }
  return finding("acl_denies", Certainty::certain,
                 sentence + ": an entry of its access control list names the subject",
                 setfacl(evidence, step, wanted));
}

Finding not_in_process(const Evidence& evidence, const PathStep& step, Access wanted) {
  const std::string group = step.group_name.empty() ? std::to_string(step.group) : step.group_name;
  return finding("group_not_in_process", Certainty::certain,
                 refusal(evidence, step, wanted) + ": " + user_words(evidence.subject) +
                     " is a member of group " + printable(group) +
                     ", and this process started before that",
                 start_again(evidence.subject));
}

Finding denied_by_mode(const Evidence& evidence, const PathStep& step, Access wanted,
                       DecidedBy by) {
  const std::string sentence = refusal(evidence, step, wanted) + only_words(step, wanted);
  const std::string fix = remedy(evidence, step, wanted, by);
  if (wanted == Access::search) {
    return finding("no_permission_on_directory", Certainty::certain, sentence, fix);
  }
  Finding denied = finding("no_permission_on_socket", Certainty::certain, sentence, fix);
  if (step.mode == 0755 || step.mode == 0775) {
    denied.evidence.push_back("mode " + mode_words(step.mode) + " is what umask " +
                              mode_words(0777U & ~step.mode) +
                              " leaves of 0777: the server did not set a mode");
  }
  return denied;
}

Finding because_of(const Evidence& evidence, const PathStep& step, Access wanted,
                   const Decision& found) {
  const DecidedBy by = found.permission.by;
  if (found.contradicted) return explain_module(evidence, EACCES);
  if (is_unmapped(evidence, step)) return not_mapped(evidence, step, wanted);
  if (wanted == Access::search && is_foreign_runtime_directory(evidence, step)) {
    return other_runtime_directory(evidence, Certainty::certain);
  }
  if (found.permission.account_would_do && evidence.subject.kind != Subject::Kind::user) {
    return not_in_process(evidence, step, wanted);
  }
  if (by == DecidedBy::acl_entry || by == DecidedBy::acl_mask) {
    return denied_by_acl(evidence, step, wanted, by);
  }
  return denied_by_mode(evidence, step, wanted, by);
}

// --- the table of names -------------------------------------------------------------------------

struct WalkRow {
  std::string path;
  std::string owner;
  std::string mode;
  std::string meaning;
};

std::string meaning_words(const Evidence& evidence, const PathStep& step, bool blocked) {
  if (step.kind == StepKind::missing) return "missing";
  if (step.kind == StepKind::unknown) return "cannot be looked at";
  if (step.kind == StepKind::symlink) return "leads to " + shown(step.target);
  if (step.last && step.kind != StepKind::socket) return std::string(words(step.kind));
  const Access wanted = step.kind == StepKind::socket ? Access::write : Access::search;
  if (decision(evidence, step, wanted).permission.allowed) return "ok";
  const std::string verb = wanted == Access::write ? "write" : "search it";
  if (blocked) {
    return "would be the next obstacle: only " + allowed_words(step, wanted) + " may " + verb;
  }
  return words(evidence.subject) + " may not " + (wanted == Access::write ? "write to it" : verb);
}

bool is_seen(const PathStep& step) {
  return step.kind != StepKind::missing && step.kind != StepKind::unknown;
}

bool stops_subject(const Evidence& evidence, const PathStep& step) {
  return step.kind == StepKind::directory && !step.last &&
         !decision(evidence, step, Access::search).permission.allowed;
}

/// Columns are counted in characters, not in bytes.
std::size_t width_of(const std::string& text) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t size = width_of(text);
  return size < width ? text + std::string(width - size, ' ') : text;
}

}  // namespace

std::optional<Finding> explain_denial(const Evidence& evidence, const PathStep& step,
                                      Access wanted) {
  const Decision found = decision(evidence, step, wanted);
  if (found.permission.allowed) return std::nullopt;
  return because_of(evidence, step, wanted, found);
}

std::vector<std::string> walk_lines(const Evidence& evidence) {
  std::vector<WalkRow> rows;
  bool blocked = false;
  for (const PathStep& step : evidence.steps) {
    if (is_met_again(evidence, step)) continue;
    const bool stops = stops_subject(evidence, step);
    if (step.path != "/" || stops) {
      rows.push_back({shown(step.path), is_seen(step) ? owner_words(step) : "",
                      is_seen(step) ? mode_words(step.mode) : "",
                      meaning_words(evidence, step, blocked)});
    }
    blocked = blocked || stops;
  }
  std::size_t path = 0;
  std::size_t owner = 0;
  for (const WalkRow& row : rows) {
    path = std::max(path, width_of(row.path));
    owner = std::max(owner, width_of(row.owner));
  }
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const WalkRow& row : rows) {
    lines.push_back(padded(row.path, path) + " " + padded(row.owner, owner) + " " +
                    padded(row.mode, 4) + "   " + row.meaning);
  }
  return lines;
}

std::optional<std::string> mandatory_module(const Evidence& evidence) {
  constexpr std::array<std::string_view, 4> mandatory{"selinux", "apparmor", "smack", "tomoyo"};
  const auto found = std::ranges::find_if(evidence.security_modules, [&](const std::string& name) {
    return std::ranges::find(mandatory, std::string_view(name)) != mandatory.end();
  });
  return found == evidence.security_modules.end() ? std::nullopt : std::optional(*found);
}

Finding explain_module(const Evidence& evidence, int error) {
  const auto module = mandatory_module(evidence);
  const bool landlock =
      std::ranges::find(evidence.security_modules, "landlock") != evidence.security_modules.end();
  if (!module && landlock && evidence.subject.no_new_privileges) {
    return finding("landlock_denies", Certainty::possible,
                   "permission denied: the permissions of the files allow it; a Landlock sandbox "
                   "may forbid it",
                   "allow the path in the sandbox of " + words(evidence.subject),
                   {"the kernel answers " + error_words(error)});
  }
  std::vector<std::string> lines{"the permissions of the files allow it, and the kernel answers " +
                                 error_words(error)};
  if (!evidence.security_label.empty()) {
    lines.push_back("label of " + words(evidence.subject) + ": " +
                    printable(evidence.security_label));
  }
  if (!evidence.file_security_label.empty()) {
    lines.push_back("label of the file: " + printable(evidence.file_security_label));
  }
  const std::string name = module.value_or("a security module");
  const bool selinux = name == "selinux";
  return finding(
      "security_module_denies", module ? Certainty::likely : Certainty::possible,
      "permission denied by " + printable(name) + ", not by the permissions of the files",
      selinux ? "ausearch -m avc -ts recent, then label the socket file or allow "
                "connectto"
              : "look for the denial in the kernel's log (journalctl -k), then allow "
                "it in the policy of the subject",
      lines);
}

std::string runtime_directory_user(const std::string& path) {
  constexpr std::string_view above = "/run/user/";
  if (!path.starts_with(above)) return {};
  const std::string user = path.substr(above.size(), path.find('/', above.size()) - above.size());
  const bool number = !user.empty() && std::ranges::all_of(user, [](char digit) {
    return digit >= '0' && digit <= '9';
  });
  return number ? user : std::string();
}

Finding other_runtime_directory(const Evidence& evidence, Certainty certainty) {
  const std::string number = runtime_directory_user(evidence.address.name());
  const std::string owner =
      evidence.runtime_user.empty() ? "uid " + number : printable(evidence.runtime_user);
  Finding found = finding(
      "runtime_directory_of_other_user", certainty,
      "/run/user/" + number + " is the runtime directory of " + owner + ", and the subject is " +
          user_words(evidence.subject),
      "start it in a session of " + user_words(evidence.subject) + ": machinectl shell " +
          shell_quoted((evidence.subject.user.empty() ? "root" : evidence.subject.user) + "@") +
          ", or su -");
  const auto& directory = evidence.subject.runtime_directory;
  if (directory && runtime_directory_user(*directory) == number) {
    found.evidence.push_back("XDG_RUNTIME_DIR is " + shown(*directory) +
                             ", which su and sudo may keep");
  }
  return found;
}

}  // namespace hallway::net
