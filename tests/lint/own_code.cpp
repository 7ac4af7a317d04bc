// SPDX-License-Identifier: Apache-2.0
//
// A plugin of clang-tidy 19, loaded by ./dev lint: the checks look at our own code only.
//
// Without it clang-tidy walks through every declaration of every header with every check and then
// drops what it finds in those of the system: two thirds to five sixths of its time. LLVM 21 no
// longer does; this does the same for 19, and finds the same.
//
// Its check is the first node's: it takes what the rest of the walk goes through down to the
// declarations that are written (or whose macros are written) outside system headers. It also
// leaves out, unread, what comes from a precompiled header: the sources of the library have none,
// so the public headers are checked there. The static analyzer is not a check of this kind and has
// always looked at the file alone.

#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>
#include <clang/ASTMatchers/ASTMatchers.h>

#include <vector>

namespace {

class OwnCode : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl(), this);
  }

  void check(const clang::ast_matchers::MatchFinder::MatchResult& result) override {
    auto& context = *result.Context;
    const auto& sources = *result.SourceManager;
    std::vector<clang::Decl*> own;
    for (auto* declaration : context.getTranslationUnitDecl()->noload_decls()) {
      if (declaration->isFromASTFile()) continue;
      if (!sources.isInSystemHeader(sources.getExpansionLoc(declaration->getLocation())))
        own.push_back(declaration);
    }
    context.setTraversalScope(own);
  }
};

class Module : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<OwnCode>("hallway-own-code");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<Module> added("hallway",
                                                              "What is looked at by the others");

}  // namespace
