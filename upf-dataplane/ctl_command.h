// `sluice-upf ctl …`: asks a running user plane on behalf of an operator.
#pragma once

namespace sluice::upf {

// Does what the command line says, which begins with "ctl"; the program's exit code.
int run_ctl_command(int argc, char** argv);

}  // namespace sluice::upf
