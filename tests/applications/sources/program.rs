// What rust.sh runs: threads, channels, files, subprocesses, panics.
use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

fn threads() {
    let total = Arc::new(Mutex::new(0u64));
    let handles: Vec<_> = (0..8)
        .map(|n| {
            let total = Arc::clone(&total);
            thread::spawn(move || {
                for i in 0..1000 {
                    *total.lock().unwrap() += n * i;
                }
                n
            })
        })
        .collect();
    let sum: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
    println!("threads {} {}", sum, total.lock().unwrap());

    let (send, receive) = mpsc::channel();
    for n in 0..4 {
        let send = send.clone();
        thread::spawn(move || (0..250).for_each(|i| send.send(n * 250 + i).unwrap()));
    }
    drop(send);
    println!("channel {}", receive.iter().sum::<i32>());

    let pair = Arc::new((Mutex::new(false), Condvar::new(), RwLock::new(5)));
    let other = Arc::clone(&pair);
    thread::spawn(move || {
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    let mut ready = pair.0.lock().unwrap();
    while !*ready {
        ready = pair.1.wait(ready).unwrap();
    }
    println!("condvar {} {}", *ready, *pair.2.read().unwrap());
}

fn files() {
    fs::create_dir_all("a/b").unwrap();
    fs::File::create("a/b/f").unwrap().write_all(&[7; 10000]).unwrap();
    let mut back = Vec::new();
    fs::File::open("a/b/f").unwrap().read_to_end(&mut back).unwrap();
    println!("file {} {}", back.len(), fs::metadata("a/b/f").unwrap().len());
    println!("missing {:?}", fs::File::open("nosuch").unwrap_err().kind());
    fs::remove_dir_all("a").unwrap();
}

fn processes() {
    let mut child =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through cat").unwrap();
    let out = child.wait_with_output().unwrap();
    println!("cat {} {}", String::from_utf8_lossy(&out.stdout), out.status);
    println!("missing {:?}", Command::new("/no/such").spawn().unwrap_err().kind());
}

fn overflow(n: u64) -> u64 {
    let room = [n; 512];
    if n == 0 { 0 } else { overflow(n + 1) + room[(n % 512) as usize] }
}

fn main() {
    match env::args().nth(1).as_deref() {
        Some("panic") => panic!("as asked"),
        Some("overflow") => println!("{}", overflow(1)),
        _ => {}
    }
    let start = Instant::now();
    threads();
    files();
    processes();
    let mut map: HashMap<String, usize> = HashMap::new();
    for word in "a b a c b a".split(' ') {
        *map.entry(word.to_string()).or_default() += 1;
    }
    println!("map {} {}", map["a"], map.len());
    println!("caught {}", std::panic::catch_unwind(|| panic!("inside")).is_err());
    thread::sleep(Duration::from_millis(5));
    println!("slept {}", start.elapsed() >= Duration::from_millis(5));
}
