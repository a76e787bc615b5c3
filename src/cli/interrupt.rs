use crate::wire::Interrupt;

/// Makes Ctrl-C and termination raise the flag; the second one ends the process at once.
pub(super) fn watch(interrupt: Interrupt) {
    let handler = move || {
        if interrupt.is_raised() {
            std::process::exit(130);
        }
        interrupt.raise();
    };
    // Without a handler the signal ends the process, which is what was asked for.
    let _ = ctrlc::set_handler(handler);
}
