import java.util.*; import java.util.concurrent.*; import java.util.concurrent.atomic.*;
public class Threads { static int plain; static synchronized void add() { plain++; }
  public static void main(String[] a) throws Exception {
    Thread[] ts = new Thread[500]; CountDownLatch go = new CountDownLatch(1); AtomicLong sum = new AtomicLong();
    for (int i = 0; i < ts.length; i++) { int n = i; ts[i] = new Thread(() -> { try { go.await(); } catch (InterruptedException e) {} for (int k = 0; k < 100; k++) { add(); sum.addAndGet(n); } }); ts[i].start(); }
    go.countDown(); for (Thread t : ts) t.join(); System.out.println(plain + " " + sum);
    ExecutorService ex = Executors.newFixedThreadPool(16); List<Future<Integer>> fs = new ArrayList<>();
    for (int i = 0; i < 100; i++) { int n = i; fs.add(ex.submit(() -> { Thread.sleep(1); return n; })); }
    int t = 0; for (Future<Integer> f : fs) t += f.get(); System.out.println(t); ex.shutdown(); System.out.println(ex.awaitTermination(60, TimeUnit.SECONDS));
    BlockingQueue<Integer> q = new ArrayBlockingQueue<>(4); new Thread(() -> { try { for (int i = 0; i < 1000; i++) q.put(i); } catch (InterruptedException e) {} }).start();
    long s = 0; for (int i = 0; i < 1000; i++) s += q.take(); System.out.println(s);
    Thread w = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) { System.out.println("interrupted"); } }); w.start(); w.interrupt(); w.join();
    Object o = new Object(); synchronized (o) { o.wait(20); } System.out.println(ForkJoinPool.commonPool().submit(() -> 42).get()); } }
