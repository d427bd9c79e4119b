import java.io.*; import java.util.*; import java.util.concurrent.*;
public class Processes { static String run(ProcessBuilder b) throws Exception { Process p = b.start(); p.getOutputStream().close(); String s = new String(p.getInputStream().readAllBytes()); return s.trim() + " " + p.waitFor(); }
  public static void main(String[] a) throws Exception {
    System.out.println(run(new ProcessBuilder("/bin/sh", "-c", "echo child; exit 3")));
    ProcessBuilder e = new ProcessBuilder("/bin/sh", "-c", "echo $V; pwd; echo err >&2").redirectErrorStream(true).directory(new File("/")); e.environment().put("V", "value"); System.out.println(run(e));
    Process cat = new ProcessBuilder("cat").start(); byte[] big = new byte[300000]; Arrays.fill(big, (byte) 'x');
    Thread w = new Thread(() -> { try (OutputStream o = cat.getOutputStream()) { o.write(big); } catch (IOException x) {} }); w.start(); System.out.println(cat.getInputStream().readAllBytes().length + " " + cat.waitFor());
    Process sleep = new ProcessBuilder("sleep", "100").start(); System.out.println(sleep.isAlive() + " " + sleep.waitFor(20, TimeUnit.MILLISECONDS)); sleep.destroy(); System.out.println(sleep.waitFor());
    System.out.println(run(new ProcessBuilder("cat").redirectInput(new File("/etc/java-17-openjdk/security/java.security"))).length() > 500);
    List<Process> line = ProcessBuilder.startPipeline(List.of(new ProcessBuilder("sh", "-c", "echo a; echo b"), new ProcessBuilder("grep", "b"))); System.out.println(new String(line.get(1).getInputStream().readAllBytes()).trim());
    try { new ProcessBuilder("/no/such").start(); } catch (IOException x) { System.out.println(x.getMessage()); }
    System.out.println(ProcessHandle.current().isAlive()); } }
