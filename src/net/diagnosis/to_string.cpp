// SPDX-License-Identifier: Apache-2.0
//
// A diagnosis as text. The first line says what is wrong and how sure that is; the evidence is
// indented below it, and the remedy ends it.
#include <algorithm>
#include <string>
#include <string_view>

#include <hallway/diagnosis.hpp>

namespace hallway {

namespace {

constexpr std::size_t certainty_column = 74;

std::string headline(const std::string& text, Certainty certainty) {
  const std::size_t gap = text.size() < certainty_column ? certainty_column - text.size() : 2;
  return text + std::string(std::max<std::size_t>(gap, 2), ' ') + "(" +
         std::string(to_string(certainty)) + ")";
}

std::string evidence_lines(const Finding& finding) {
  std::string text;
  for (const std::string& line : finding.evidence) text += "\n  " + line;
  return text;
}

std::string fix_line(const Finding& finding, std::string_view before) {
  return finding.fix.empty() ? std::string() : "\n" + std::string(before) + "fix: " + finding.fix;
}

}  // namespace

std::string_view to_string(Certainty certainty) noexcept {
  switch (certainty) {
    case Certainty::certain: return "certain";
    case Certainty::likely: return "likely";
    case Certainty::possible: break;
  }
  return "possible";
}

std::string_view to_string(Diagnosis::State state) noexcept {
  switch (state) {
    case Diagnosis::State::healthy: return "healthy";
    case Diagnosis::State::unreachable: return "unreachable";
    case Diagnosis::State::stuck: return "stuck";
    case Diagnosis::State::denied: return "denied";
    case Diagnosis::State::wrong: break;
  }
  return "wrong";
}

std::string Diagnosis::to_string() const {
  std::string text = findings.empty() ? summary : headline(summary, findings.front().certainty);
  for (std::size_t at = 0; at < findings.size(); ++at) {
    const Finding& finding = findings[at];
    if (at > 0) text += "\n" + headline("then: " + finding.sentence, finding.certainty);
    text += evidence_lines(finding);
    // One remedy may remove several obstacles.
    if (at == 0 || finding.fix != findings[at - 1].fix) text += fix_line(finding, "");
  }
  for (const Finding& finding : also) {
    text += "\n" + headline("also: " + finding.sentence, finding.certainty);
    text += evidence_lines(finding) + fix_line(finding, "  ");
  }
  for (const std::string& each : unseen) text += "\nnot seen: " + each;
  return text;
}

}  // namespace hallway
