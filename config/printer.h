#pragma once

#include <string>

#include "config/loader.h"
#include "config/settings.h"

namespace strata::config {

// Every key with its value and, as a comment, where the value comes from: YAML that load() takes back. A secret that is set
// is masked and commented out, so that loading the text never makes the mask a password.
std::string print_config(const Settings& settings, const Origins& origins);

// The text of config/reference.yaml: every key with its default value, and as comments what it does, what is allowed, its
// default, its variable of the environment and whether it can change at run time. To write the file after a change of the table:
//   strata_config_tests --print-reference > config/reference.yaml
std::string print_reference();

}  // namespace strata::config
