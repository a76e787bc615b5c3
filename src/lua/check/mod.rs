//! What can be known of a script without running it: names that do not exist, and what its calls are given.
//!
//! The script is taken apart and walked through. Tables and arguments that are written out are made values in a Lua
//! state of their own, with something fitting in the place of what only a run can know, and are given to the same
//! functions that read them when the script runs. These stop before they do anything: [`Checking`](super::bind::Checking)
//! ends every call of ours where a server or a program would be asked, and the run behind it may not even read.

mod call;
mod judge;
mod names;
mod sample;
mod tree;
mod walk;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use mlua::Value;

use super::declared::Declared;
use super::failure::describe;
use super::vm::chunk;
use super::{Failure, Script};
use crate::engine::World;
use crate::error::{Error, visible};
use judge::failure;
use names::Names;
use sample::Samples;
use tree::Block;
use walk::Walk;

/// The longest script that is looked at, in bytes.
const LONGEST: usize = 256 * 1024;

/// How much stack a check has: a script may be one expression as deep as it is long. Only what is needed becomes memory.
const STACK: usize = LONGEST * 4096;

/// A script or a module of it, taken apart.
struct Part {
    name: String,
    tree: Block,
    names: Names,
}

/// Finds what is wrong with a script, and with the modules of its own that it requires, without running any of it. Each
/// finding has the line it is about.
///
/// `read` gives the text of a module's file, where there is one.
pub fn check(
    script: &Script,
    world: Arc<dyn World>,
    read: &(dyn Fn(&Path) -> Option<Vec<u8>> + Sync),
) -> mlua::Result<Vec<Failure>> {
    std::thread::scope(|scope| {
        let begun = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || look(script, world, read).map_err(|error| error.to_string()))
            .map_err(mlua::Error::external)?;
        // An error of Lua's can't leave its thread, but its text can.
        let ended = begun.join().unwrap_or_else(|_| Err("the check failed".to_owned()));
        ended.map_err(mlua::Error::runtime)
    })
}

fn look(
    script: &Script,
    world: Arc<dyn World>,
    read: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> mlua::Result<Vec<Failure>> {
    let samples = Samples::new(world)?;
    let mut found = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut waiting = vec![(script.name.clone(), script.source.clone())];
    while let Some((name, source)) = waiting.pop() {
        if parts.iter().any(|part| part.name == name) {
            continue;
        }
        match take_apart(&samples, &name, &source) {
            Err(failure) => found.push(failure),
            Ok(None) => {}
            Ok(Some(tree)) => {
                let names = Names::of(&tree);
                for module in &names.required {
                    waiting.extend(module_files(script, module).into_iter().find_map(|path| {
                        read(&path).map(|text| (path.to_string_lossy().into_owned(), text))
                    }));
                }
                parts.push(Part { name, tree, names });
            }
        }
    }
    let declared = Rc::new(Declared::read());
    share(&mut parts);
    let mut allows = false;
    let mut walks: Vec<Walk<'_>> = Vec::new();
    for part in &parts {
        let mut walk = Walk::new(&part.name, &samples, Rc::clone(&declared), &part.names);
        walk.block(&part.tree);
        allows |= walk.allows;
        walks.push(walk);
    }
    for mut walk in walks {
        if !allows {
            walk.judge_permissions();
        }
        walk.found.sort_by_key(|failure| failure.places.first().map(|place| place.line));
        found.append(&mut walk.found);
    }
    Ok(found)
}

/// Compiles a script, which finds what is no Lua, and takes it apart.
fn take_apart(samples: &Samples, name: &str, source: &[u8]) -> Result<Option<Block>, Failure> {
    let source = chunk(source)?;
    let compiled = samples
        .lua
        .load(source.as_slice())
        .set_name(format!("@{name}"))
        .set_mode(mlua::chunk::ChunkMode::Text)
        .into_function();
    match compiled {
        Ok(_) if source.len() > LONGEST => {
            let hint = format!("it is Lua, and no more was looked at: {} KiB are the most", LONGEST / 1024);
            Err(failure(&Error::script(format!("`{}` is too long to be checked", visible(name)), hint)))
        }
        Ok(_) => Ok(tree::parse(&String::from_utf8_lossy(&source))),
        Err(error) => Err(describe(&samples.lua, &Value::Error(Box::new(error)), Vec::new())),
    }
}

/// Gives the files in which a module of the script's own would be.
fn module_files(script: &Script, module: &str) -> Vec<PathBuf> {
    let Some(directory) = &script.directory else { return Vec::new() };
    let path = module.replace('.', "/");
    vec![format!("{directory}/{path}.lua").into(), format!("{directory}/{path}/init.lua").into()]
}

/// Lets every part know of the globals and names that the others set.
fn share(parts: &mut [Part]) {
    let opaque = parts.iter().any(|part| part.names.opaque);
    let globals: Vec<_> = parts.iter().flat_map(|part| part.names.globals.clone()).collect();
    let members: Vec<_> = parts.iter().flat_map(|part| part.names.members.clone()).collect();
    for part in parts {
        part.names.opaque = opaque;
        part.names.globals.extend(globals.iter().cloned());
        part.names.members.extend(members.iter().cloned());
    }
}
