# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_gate_global_optspecs
    string join \n h/help V/version
end

function __fish_gate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_gate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_gate_using_subcommand
    set -l cmd (__fish_gate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c gate -n "__fish_gate_needs_command" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_needs_command" -s V -l version -d 'Print version'
complete -c gate -n "__fish_gate_needs_command" -f -a "check" -d 'Checks policies: every fault of every file, in one run'
complete -c gate -n "__fish_gate_needs_command" -f -a "run" -d 'Runs the gateway'
complete -c gate -n "__fish_gate_needs_command" -f -a "reload" -d 'Has a gateway that runs take its policy\'s file as it is now; prints what that changes for requests'
complete -c gate -n "__fish_gate_needs_command" -f -a "rollback" -d 'Has a gateway that runs go back to an earlier policy, without a number to the one before'
complete -c gate -n "__fish_gate_needs_command" -f -a "ready" -d 'Asks whether a gateway that runs takes requests: exits with 0, or with 1'
complete -c gate -n "__fish_gate_needs_command" -f -a "generations" -d 'Lists the policies that a gateway had in force'
complete -c gate -n "__fish_gate_needs_command" -f -a "fmt" -d 'Formats policies in place'
complete -c gate -n "__fish_gate_needs_command" -f -a "fix" -d 'Applies the machine fixes of what `check` finds, until none is left'
complete -c gate -n "__fish_gate_needs_command" -f -a "explain" -d 'Explains a route\'s pipeline, a word of the language, or a diagnostic code'
complete -c gate -n "__fish_gate_needs_command" -f -a "routes" -d 'Lists the routes in the order they are tried'
complete -c gate -n "__fish_gate_needs_command" -f -a "diff" -d 'Tells what a change of a policy changes for requests, each with a request that shows it'
complete -c gate -n "__fish_gate_needs_command" -f -a "dump" -d 'Writes what a policy means, or the language\'s schema, as JSON'
complete -c gate -n "__fish_gate_needs_command" -f -a "test" -d 'Runs the tests of policies on the real pipeline, in virtual time'
complete -c gate -n "__fish_gate_needs_command" -f -a "docs" -d 'Writes a catalogue of a policy as Markdown: its routes, and what they are made of'
complete -c gate -n "__fish_gate_needs_command" -f -a "import" -d 'Makes a policy of an OpenAPI document, an nginx configuration or a Caddyfile'
complete -c gate -n "__fish_gate_needs_command" -f -a "new" -d 'Writes a small policy to start from'
complete -c gate -n "__fish_gate_needs_command" -f -a "trace" -d 'Shows a request\'s way: the route that takes it, why the others do not, and every stage\'s verdict'
complete -c gate -n "__fish_gate_needs_command" -f -a "token" -d 'Prints a token that an `auth jwt` of the policy accepts, for development'
complete -c gate -n "__fish_gate_needs_command" -f -a "hash" -d 'Reads a key or a password and prints the line for the file'
complete -c gate -n "__fish_gate_needs_command" -f -a "completions" -d 'Prints a shell\'s completions'
complete -c gate -n "__fish_gate_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand check" -l format -d 'How findings are printed' -r -f -a "human\t'Graphical, with colours on a terminal; on standard error'
plain\t'Plain lines, no colour, no box drawing; on standard error'
json\t'One JSON object; on standard output'
sarif\t'SARIF 2.1.0, for code scanning; on standard output'
github\t'Workflow commands of GitHub Actions; on standard output'"
complete -c gate -n "__fish_gate_using_subcommand check" -l deny -d 'What counts as an error besides errors' -r -f -a "warnings\t''"
complete -c gate -n "__fish_gate_using_subcommand check" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand check" -l env -d 'Looks at this machine as well: whether secrets are set and strong, and files can be read'
complete -c gate -n "__fish_gate_using_subcommand check" -l watch -d 'Checks again whenever a file changes, until it is interrupted'
complete -c gate -n "__fish_gate_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand run" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand run" -l state -d 'Where policies that were in force are kept: `$STATE_DIRECTORY`, else `~/.local/state/gatewright`' -r -F
complete -c gate -n "__fish_gate_using_subcommand run" -l instance -d 'What events and traces call this gateway, so that it is told from others: the machine\'s name where nothing else is said' -r
complete -c gate -n "__fish_gate_using_subcommand run" -l dev -d 'Stands in for what a developer\'s machine lacks: upstreams answer from their stubs, missing secrets are made up'
complete -c gate -n "__fish_gate_using_subcommand run" -l watch -d 'Reloads when the policy\'s file, one that it imports or one that it reads changes'
complete -c gate -n "__fish_gate_using_subcommand run" -l last-good -d 'Starts the policy that was in force last, whatever its file says now'
complete -c gate -n "__fish_gate_using_subcommand run" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand reload" -l admin -d 'The admin listener: an address, or a URL. `GATE_ADMIN_AUTHORIZATION` is the value of `Authorization` where it asks for one' -r
complete -c gate -n "__fish_gate_using_subcommand reload" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand rollback" -l admin -d 'The admin listener: an address, or a URL. `GATE_ADMIN_AUTHORIZATION` is the value of `Authorization` where it asks for one' -r
complete -c gate -n "__fish_gate_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand ready" -l admin -d 'The admin listener: an address, or a URL. `GATE_ADMIN_AUTHORIZATION` is the value of `Authorization` where it asks for one' -r
complete -c gate -n "__fish_gate_using_subcommand ready" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand generations" -l state -d 'Where the gateway keeps them' -r -F
complete -c gate -n "__fish_gate_using_subcommand generations" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand fmt" -l check -d 'Only say which files are not formatted'
complete -c gate -n "__fish_gate_using_subcommand fmt" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand fix" -l format -d 'How what is left is printed' -r -f -a "human\t'Graphical, with colours on a terminal; on standard error'
plain\t'Plain lines, no colour, no box drawing; on standard error'
json\t'One JSON object; on standard output'
sarif\t'SARIF 2.1.0, for code scanning; on standard output'
github\t'Workflow commands of GitHub Actions; on standard output'"
complete -c gate -n "__fish_gate_using_subcommand fix" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand fix" -l dry-run -d 'Prints what would change and writes nothing'
complete -c gate -n "__fish_gate_using_subcommand fix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand explain" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand explain" -l json -d 'Prints JSON'
complete -c gate -n "__fish_gate_using_subcommand explain" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand routes" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand routes" -l json -d 'Prints JSON'
complete -c gate -n "__fish_gate_using_subcommand routes" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand diff" -l fail-on -d 'Classes of changes that make it fail, such as `looser,breaking`' -r
complete -c gate -n "__fish_gate_using_subcommand diff" -l format -d 'How changes are printed' -r -f -a "human\t'Grouped by class, the worst first'
json\t'One JSON object'"
complete -c gate -n "__fish_gate_using_subcommand diff" -l set -d 'The value of a `param` that one of the policies has' -r
complete -c gate -n "__fish_gate_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand dump" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand dump" -l ir -d 'What the policy means, as JSON'
complete -c gate -n "__fish_gate_using_subcommand dump" -l schema -d 'Every word of the language, as JSON'
complete -c gate -n "__fish_gate_using_subcommand dump" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand test" -l filter -d 'Runs only the tests whose names hold this text' -r
complete -c gate -n "__fish_gate_using_subcommand test" -l format -d 'How outcomes are printed' -r -f -a "human\t'One line a test, and what there is to know of those that failed'
json\t'One JSON object'
junit\t'The XML that build servers read'"
complete -c gate -n "__fish_gate_using_subcommand test" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand test" -l coverage -d 'Says what the tests reach: routes, both sides of conditions, both outcomes of limits'
complete -c gate -n "__fish_gate_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand docs" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand docs" -s o -l output -d 'The file to write; standard output when it is not given' -r -F
complete -c gate -n "__fish_gate_using_subcommand docs" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand import" -s o -l output -d 'The policy to write, which must not be there yet; standard output when it is not given' -r -F
complete -c gate -n "__fish_gate_using_subcommand import" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand new" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand trace" -s H -l header -d 'A field of the request; may be given several times' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l claims -d 'The caller has a token with these claims, a JSON object' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l key -d 'The caller has a key of this name, or with these attributes, a JSON object' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l user -d 'The caller is this user' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l client-ip -d 'Where the request comes from (192.0.2.1)' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l listener -d 'The listener it comes in by, by its name or address; told from the URL\'s port and scheme otherwise' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l body -d 'The request\'s body' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -l format -d 'How the trace is printed' -r -f -a "human\t'Lines'
json\t'One JSON object'"
complete -c gate -n "__fish_gate_using_subcommand trace" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand token" -l set -d 'The value of a `param`' -r
complete -c gate -n "__fish_gate_using_subcommand token" -l auth -d 'The `auth jwt` that is to accept it' -r
complete -c gate -n "__fish_gate_using_subcommand token" -l claims -d 'The claims, as a JSON object' -r
complete -c gate -n "__fish_gate_using_subcommand token" -l ttl -d 'How long it is valid, in seconds' -r
complete -c gate -n "__fish_gate_using_subcommand token" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand hash" -l name -d 'The name on the line' -r
complete -c gate -n "__fish_gate_using_subcommand hash" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand completions" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "check" -d 'Checks policies: every fault of every file, in one run'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "run" -d 'Runs the gateway'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "reload" -d 'Has a gateway that runs take its policy\'s file as it is now; prints what that changes for requests'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "rollback" -d 'Has a gateway that runs go back to an earlier policy, without a number to the one before'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "ready" -d 'Asks whether a gateway that runs takes requests: exits with 0, or with 1'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "generations" -d 'Lists the policies that a gateway had in force'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "fmt" -d 'Formats policies in place'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "fix" -d 'Applies the machine fixes of what `check` finds, until none is left'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "explain" -d 'Explains a route\'s pipeline, a word of the language, or a diagnostic code'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "routes" -d 'Lists the routes in the order they are tried'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "diff" -d 'Tells what a change of a policy changes for requests, each with a request that shows it'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "dump" -d 'Writes what a policy means, or the language\'s schema, as JSON'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "test" -d 'Runs the tests of policies on the real pipeline, in virtual time'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "docs" -d 'Writes a catalogue of a policy as Markdown: its routes, and what they are made of'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "import" -d 'Makes a policy of an OpenAPI document, an nginx configuration or a Caddyfile'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "new" -d 'Writes a small policy to start from'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "trace" -d 'Shows a request\'s way: the route that takes it, why the others do not, and every stage\'s verdict'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "token" -d 'Prints a token that an `auth jwt` of the policy accepts, for development'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "hash" -d 'Reads a key or a password and prints the line for the file'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "completions" -d 'Prints a shell\'s completions'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from check run reload rollback ready generations fmt fix explain routes diff dump test docs import new trace token hash completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
